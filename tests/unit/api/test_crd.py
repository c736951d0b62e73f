"""The definitions: their names, columns and defaults, and the command that writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finetune_operator.api.crd import FINETUNEJOB, INSTANCETYPE, KINDS, definition, main, rendered
from finetune_operator.api.model import Json


def version(kind: Json) -> Json:
    """The one version of a definition."""
    (only,) = kind["spec"]["versions"]
    return dict(only)


def test_a_job_is_namespaced_and_hardware_is_not() -> None:
    assert definition(FINETUNEJOB)["spec"]["scope"] == "Namespaced"
    assert definition(INSTANCETYPE)["spec"]["scope"] == "Cluster"


@pytest.mark.parametrize(("kind", "short"), [(FINETUNEJOB, "ftj"), (INSTANCETYPE, "ftit")])
def test_kubectl_knows_each_kind_by_a_short_name_and_a_category(kind: object, short: str) -> None:
    names = definition(kind)["spec"]["names"]  # type: ignore[arg-type]
    assert names["shortNames"] == [short]
    assert names["categories"] == ["finetune"]


def test_kubectl_get_shows_the_columns_of_a_job() -> None:
    columns = version(definition(FINETUNEJOB))["additionalPrinterColumns"]
    shown = [column["name"] for column in columns if not column.get("priority")]
    assert shown == ["Phase", "Model", "Instance", "Progress", "Loss", "Hours", "Age"]


def test_an_unseen_job_has_a_status_that_kstatus_takes_for_unseen() -> None:
    schema = version(definition(FINETUNEJOB))["schema"]["openAPIV3Schema"]
    assert schema["properties"]["status"]["default"] == {"observedGeneration": -1}


def test_hardware_has_no_status() -> None:
    assert "subresources" not in version(definition(INSTANCETYPE))


def test_a_list_map_is_keyed_by_fields_that_are_always_there() -> None:
    """The API server refuses a key that is neither required nor defaulted."""
    spec = version(definition(FINETUNEJOB))["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    items = spec["datasets"]["items"]
    for key in spec["datasets"]["x-kubernetes-list-map-keys"]:
        assert key in items["required"] or "default" in items["properties"][key]


def test_every_file_says_that_it_is_generated() -> None:
    assert len(rendered()) == len(KINDS)
    assert all(text.startswith("# Generated from the pydantic models") for text in rendered().values())


def test_no_file_has_anchors() -> None:
    assert not any("&id" in text or "*id" in text for text in rendered().values())


def test_the_text_is_the_definition() -> None:
    texts = rendered()
    for kind in KINDS:
        assert yaml.safe_load(texts[f"{kind.plural}.finetune.dev.yaml"]) == definition(kind)


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _in_an_empty_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_writes_every_definition_beside_and_into_the_chart(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 0
        assert sorted(map(str, Path().rglob("*.yaml"))) == sorted(
            f"{folder}/{name}" for folder in ("crds", "charts/finetune-operator/crds") for name in rendered()
        )
        assert capsys.readouterr().out.count("wrote ") == 4

    def test_is_silent_the_second_time(self, capsys: pytest.CaptureFixture[str]) -> None:
        main([])
        capsys.readouterr()
        assert main([]) == 0
        assert capsys.readouterr().out == ""

    def test_finds_drift_names_the_file_and_the_way_out(self, capsys: pytest.CaptureFixture[str]) -> None:
        main([])
        path = Path("crds/finetunejobs.finetune.dev.yaml")
        path.write_text(path.read_text().replace("ftj", "job"))
        assert main(["--check"]) == 1
        complaint = capsys.readouterr().err
        assert complaint == f"{path} differs from the models: run `make generate` and commit the result\n"

    def test_checks_without_writing(self) -> None:
        assert main(["--check"]) == 1
        assert not list(Path().rglob("*.yaml"))
