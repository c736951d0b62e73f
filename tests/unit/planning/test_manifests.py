"""Everything the operator creates, as YAML that was reviewed; see tests/data/planning/README.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from finetune_operator.api.model import Json
from finetune_operator.api.names import QUEUE_LABEL, RUN_ANNOTATION
from tests.unit.planning.golden import CASES, cases, expected, rendered
from tests.unit.planning.restricted import breaches

CONTRACT = Path(__file__).parents[3] / "trainer-image" / "contract"
SCHEMA = Draft202012Validator(json.loads((CONTRACT / "run.schema.json").read_text(encoding="utf-8")))


def jobs(case: str) -> list[Json]:
    """The Jobs of a case."""
    return [body for body in rendered(case) if body["kind"] == "Job"]


def run_of(job: Json) -> Json:
    """The run document of a Job."""
    return dict(job["spec"]["template"]["metadata"]["annotations"][RUN_ANNOTATION])


@pytest.mark.parametrize("case", cases())
def test_what_is_created_for(case: str) -> None:
    assert rendered(case) == expected(case), "reviewed? then run: python -m tests.unit.planning.golden"


def test_no_output_is_left_of_a_case_that_is_gone() -> None:
    assert sorted(path.stem for path in (CASES / "output").glob("*.yaml")) == cases()


@pytest.mark.parametrize("case", cases())
class TestEveryJob:
    def test_runs_each_of_its_pods_once(self, case: str) -> None:
        for job in jobs(case):
            spec = job["spec"]
            assert (spec["backoffLimit"], spec["podReplacementPolicy"]) == (0, "Failed")
            assert spec["parallelism"] == spec["completions"] == run_of(job)["hardware"]["nodes"]
            assert (spec.get("completionMode") == "Indexed") is (spec["completions"] > 1)
            assert spec["template"]["spec"]["restartPolicy"] == "Never"

    def test_keeps_to_restricted_pod_security(self, case: str) -> None:
        for job in jobs(case):
            assert not breaches(job["spec"]["template"]["spec"])

    def test_has_no_token_for_the_api_server(self, case: str) -> None:
        assert all(job["spec"]["template"]["spec"]["automountServiceAccountToken"] is False for job in jobs(case))

    def test_goes_with_its_owner(self, case: str) -> None:
        for body in rendered(case):
            if body["kind"] != "PersistentVolumeClaim":
                (owner,) = body["metadata"]["ownerReferences"]
                assert (owner["kind"], owner["controller"]) == ("FineTuneJob", True)

    def test_says_what_it_asks_for_as_the_contract_does(self, case: str) -> None:
        for job in jobs(case):
            SCHEMA.validate(run_of(job))

    def test_mounts_all_its_volumes_and_nothing_twice(self, case: str) -> None:
        for job in jobs(case):
            pod = job["spec"]["template"]["spec"]
            mounts = pod["containers"][0]["volumeMounts"]
            assert {volume["name"] for volume in pod["volumes"]} == {mount["name"] for mount in mounts}
            assert len({mount["mountPath"] for mount in mounts}) == len(mounts)

    def test_has_its_secrets_by_reference_only(self, case: str) -> None:
        for job in jobs(case):
            for variable in job["spec"]["template"]["spec"]["containers"][0]["env"]:
                if "SECRET" in variable["name"] or variable["name"].startswith(("WANDB_", "MLFLOW_")):
                    assert set(variable) == {"name", "valueFrom"}
                    assert set(variable["valueFrom"]) == {"secretKeyRef"}

    def test_prepares_in_one_pod_without_a_gpu_or_a_queue(self, case: str) -> None:
        prepare = jobs(case)[0]
        limits = prepare["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert set(limits) == {"cpu", "memory"}
        assert "suspend" not in prepare["spec"]
        assert QUEUE_LABEL not in prepare["metadata"]["labels"]


def test_a_queue_admits_the_training_which_is_created_suspended() -> None:
    train = jobs("eight-gpus-in-a-region-by-a-queue")[-1]
    assert train["metadata"]["labels"][QUEUE_LABEL] == "team-a-gpus"
    assert train["spec"]["suspend"] is True
    assert QUEUE_LABEL not in train["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize("stage", [0, 1], ids=["prepare", "train"])
def test_both_stages_run_in_the_region_that_was_chosen(stage: int) -> None:
    affinity = jobs("eight-gpus-in-a-region-by-a-queue")[stage]["spec"]["template"]["spec"]["affinity"]
    (term,) = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    wanted = {"key": "topology.kubernetes.io/region", "operator": "In", "values": ["eu-central"]}
    assert term == {"matchExpressions": [wanted]}


class TestSeveralNodes:
    def test_the_pods_find_the_first_one_by_the_name_that_the_service_gives_it(self) -> None:
        _, _, service, train = rendered("two-nodes")
        pod = train["spec"]["template"]["spec"]
        env = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
        name = train["metadata"]["name"]
        assert (service["kind"], service["metadata"]["name"], pod["subdomain"]) == ("Service", name, name)
        assert env["MASTER_ADDR"] == f"{name}-0.{name}.team-a.svc"
        assert env["MASTER_PORT"] == str(service["spec"]["ports"][0]["port"])

    def test_the_service_tells_of_pods_that_are_not_ready_and_of_no_others(self) -> None:
        service, train = rendered("two-nodes")[2:]
        assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
        assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": train["metadata"]["name"]}

    @pytest.mark.parametrize(("case", "spread"), [("two-nodes", True), ("two-nodes-on-cpu", False)])
    def test_pods_with_gpus_are_spread_over_nodes_if_that_is_possible(self, case: str, *, spread: bool) -> None:
        pod = jobs(case)[-1]["spec"]["template"]["spec"]
        rules = [rule["whenUnsatisfiable"] for rule in pod.get("topologySpreadConstraints", ())]
        assert rules == ["ScheduleAnyway"] * spread

    def test_one_pod_needs_no_service_and_no_index(self) -> None:
        assert [body["kind"] for body in rendered("one-gpu")] == ["PersistentVolumeClaim", "Job", "Job"]
        assert not any("completionMode" in job["spec"] for job in jobs("one-gpu"))
