"""Settings: every key optional, every mistake answered with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_operator.reconciler.settings import Settings, SettingsError, load_settings


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings({"FINETUNE_SETTINGS": str(path), **environ})


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, "") == Settings()


def test_keys_are_written_in_camel_case(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        "images: {trl: registry.example/trl:1}\n"
        "imagePullPolicy: Always\n"
        "resyncSeconds: 60\n"
        "progress: {statusIntervalSeconds: 2, subjectAltNames: [10.0.0.1]}\n"
        "lease: {renewSeconds: 1}\n",
    )

    assert settings.images.trl == "registry.example/trl:1"
    assert settings.image_pull_policy == "Always"
    assert settings.resync_seconds == 60
    assert settings.progress.status_interval_seconds == 2
    assert settings.progress.subject_alt_names == ("10.0.0.1",)
    assert settings.lease.renew_seconds == 1


def test_the_environment_says_who_we_are_and_the_file_may_say_otherwise(tmp_path: Path) -> None:
    own = {"POD_NAMESPACE": "env", "POD_NAME": "pod-1"}

    assert (settings := loaded(tmp_path, "", **own)).namespace == "env"
    assert settings.pod_name == "pod-1"
    assert loaded(tmp_path, "namespace: file", **own).namespace == "file"


def test_outside_of_a_pod_there_is_no_pod_name(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").pod_name is None


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent.yaml: no such file; FINETUNE_SETTINGS names it"):
        load_settings({"FINETUNE_SETTINGS": str(tmp_path / "absent.yaml")})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wrokers: 3", "wrokers: no such setting; did you mean 'workers'?; allowed here: burst, "),
        ("progress: {statusIntervalSecond: 3}", "progress.statusIntervalSecond: no such setting; did you mean 'statu"),
        ("workers: many", "workers: Input should be a valid integer"),
        ("workers: 0", "workers: Input should be greater than or equal to 1, given 0"),
        ("imagePullPolicy: Sometimes", "imagePullPolicy: Input should be 'Always', 'IfNotPresent' or 'Never'"),
        ("lease: {seconds: 5}", "lease: renewSeconds is 5: at most half of seconds, which is 5, so that"),
        ("- a\n- b", "expected keys and values, found list"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_a_mistake_is_answered_with_its_place_and_what_is_allowed(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)

    assert "settings.yaml: " in str(caught.value)
    assert sentence in str(caught.value)


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"workers: .*; qps: "):
        loaded(tmp_path, "workers: 0\nqps: -1")
