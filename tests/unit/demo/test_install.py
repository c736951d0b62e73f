"""The values with which the demo installs the chart, and those that somebody set since."""

from __future__ import annotations

import pytest

from tests.demo.failure import DemoError
from tests.demo.install import chart_values, image_values, kept
from tests.demo.ownership import keeps_operator

IMAGES = {"operator": "localhost:5000/finetune/operator:1-2", "trainer": "localhost:5000/finetune/trainer:3-4"}


def test_an_image_reference_is_split_at_its_tag_and_not_at_a_port() -> None:
    assert chart_values(IMAGES)["image"] == {"repository": "localhost:5000/finetune/operator", "tag": "1-2"}


def test_each_trainer_image_is_named_for_its_family_and_one_that_was_not_asked_for_is_not() -> None:
    robots = IMAGES | {"trainer-lerobot": "localhost:5000/finetune/robots:5-6"}

    assert image_values(IMAGES)["settings"] == {"images": {"trl": IMAGES["trainer"]}}
    assert image_values(robots)["settings"] == {
        "images": {"trl": IMAGES["trainer"], "lerobot": "localhost:5000/finetune/robots:5-6"}
    }


def test_more_values_are_merged_deeply_over_the_demos_own() -> None:
    values = chart_values(IMAGES, {"replicas": 2, "settings": {"images": {"trl": "other"}}})

    assert values["replicas"] == 2
    assert values["settings"] == {"images": {"trl": "other"}, "progress": {"statusIntervalSeconds": 2}}


def test_what_somebody_set_since_the_demo_stays_and_the_images_are_todays() -> None:
    priced = {"instanceTypes": {"cpu-small": {"pricePerHour": 0.05}}}
    standing = {
        "image": {"repository": "old", "tag": "0-0"},
        "instanceTypes": {"cpu-small": {"pricePerHour": 2}},
        "settings": {"logLevel": "debug", "images": {"trl": "old"}, "progress": {"statusIntervalSeconds": 30}},
    }

    assert kept(chart_values(IMAGES, priced), standing, IMAGES) == {
        **image_values(IMAGES),
        "instanceTypes": {"cpu-small": {"pricePerHour": 2}},
        "settings": {
            "logLevel": "debug",
            "images": {"trl": IMAGES["trainer"]},
            "progress": {"statusIntervalSeconds": 30},
        },
    }


def test_a_word_for_the_operator_that_means_nothing_is_refused() -> None:
    assert [keeps_operator({}), keeps_operator({"DEMO_OPERATOR": "keep"})] == [False, True]
    with pytest.raises(DemoError, match="DEMO_OPERATOR is 'kep'"):
        keeps_operator({"DEMO_OPERATOR": "kep"})
