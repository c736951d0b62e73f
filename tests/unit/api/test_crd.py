"""The definitions: their names, columns and defaults, and the command that writes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from finetune_operator.api.crd import KINDS, Kind, definition, main, rendered
from finetune_operator.api.model import Json
from tests.support.bounds import nodes


def version(kind: Json) -> Json:
    """The one version of a definition."""
    (only,) = kind["spec"]["versions"]
    return dict(only)


SHORT = {"FineTuneJob": "ftj", "InstanceType": "ftit", "BaseModel": "ftbm", "Dataset": "ftds"}
COLUMNS = {
    "FineTuneJob": ("Phase Model Instance Progress ETA Loss Hours Cost Age", "Type Reason Attempt Node Result"),
    "InstanceType": ("Ready GPUs Product CPU Memory Price/h Currency Age", "Capacity Regions Message Description"),
    "BaseModel": ("Ready Type Provider Parameters Sequence Age", "Source Aliases Message"),
    "Dataset": ("Ready Reason Format Rows Tokens Age", "URI Message"),
}
"""What kubectl get shows, and what more with -o wide."""
SELECTABLE = {
    "FineTuneJob": [".spec.jobType", ".spec.instanceType", ".status.phase"],
    "BaseModel": [".spec.type", ".spec.provider"],
}
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


def test_what_administrators_offer_belongs_to_no_namespace() -> None:
    scopes = {kind.kind: definition(kind)["spec"]["scope"] for kind in KINDS}
    assert scopes == {
        "FineTuneJob": "Namespaced",
        "InstanceType": "Cluster",
        "BaseModel": "Cluster",
        "Dataset": "Namespaced",
    }


@every_kind
def test_rules_on_a_whole_object_look_at_its_name_alone(kind: Kind) -> None:
    """The API server asks them again with each write of the status: one of a spec that is stored would stop these."""
    rules = version(definition(kind))["schema"]["openAPIV3Schema"].get("x-kubernetes-validations", ())
    looked_at = {what for each in rules for what in re.findall(r"self(?:\.\w+)*", each["rule"])}
    assert looked_at <= {"self.metadata.name.size", "self.metadata.name.matches"}


@every_kind
def test_kubectl_knows_each_kind_by_a_short_name_and_a_category(kind: Kind) -> None:
    names = definition(kind)["spec"]["names"]
    assert names["shortNames"] == [SHORT[kind.kind]]
    assert names["categories"] == ["finetune"]


@every_kind
def test_kubectl_get_shows_a_screen_wide_of_columns_and_more_on_demand(kind: Kind) -> None:
    columns = version(definition(kind))["additionalPrinterColumns"]
    shown = " ".join(column["name"] for column in columns if not column.get("priority"))
    wide = " ".join(column["name"] for column in columns if column.get("priority"))
    assert (shown, wide) == COLUMNS[kind.kind]


@every_kind
def test_a_column_shows_a_field_that_there_is(kind: Kind) -> None:
    """One that names none is empty forever, and nobody says so."""
    root = version(definition(kind))["schema"]["openAPIV3Schema"]
    paths = {path.removeprefix("root") for path, _ in nodes(root, "root")} | {".metadata.creationTimestamp"}
    for column in version(definition(kind))["additionalPrinterColumns"]:
        assert re.sub(r"\[[^\]]*\]", "[]", column["jsonPath"]) in paths


@every_kind
def test_resources_are_selected_by_what_people_ask_for(kind: Kind) -> None:
    paths = [field["jsonPath"] for field in version(definition(kind)).get("selectableFields", ())]
    assert paths == SELECTABLE.get(kind.kind, [])


@every_kind
def test_an_unseen_resource_has_a_status_that_kstatus_takes_for_unseen(kind: Kind) -> None:
    schema = version(definition(kind))["schema"]["openAPIV3Schema"]
    assert schema["properties"]["status"]["default"] == {"observedGeneration": -1}
    assert version(definition(kind))["subresources"] == {"status": {}}


@every_kind
def test_a_status_is_ruled_by_nobody(kind: Kind) -> None:
    status = version(definition(kind))["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert [path for path, node in nodes(status, "status") if "x-kubernetes-validations" in node] == []


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
        assert capsys.readouterr().out.count("wrote ") == 2 * len(KINDS)

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
