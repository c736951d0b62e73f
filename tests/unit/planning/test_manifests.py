"""Everything the operator creates, as YAML that was reviewed; see tests/data/planning/README.md."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from tests.unit.planning.golden import CASES, cases, expected, rendered


def jobs(case: str) -> list[Json]:
    """The Jobs of a case."""
    return [body for body in rendered(case) if body["kind"] == "Job"]


@pytest.mark.parametrize("case", cases())
def test_what_is_created_for(case: str) -> None:
    assert rendered(case) == expected(case), "reviewed? then run: python -m tests.unit.planning.golden"


def test_no_output_is_left_of_a_case_that_is_gone() -> None:
    assert sorted(path.stem for path in (CASES / "output").glob("*.yaml")) == cases()


@pytest.mark.parametrize("case", cases())
class TestEveryJob:
    def test_runs_one_pod_once(self, case: str) -> None:
        for job in jobs(case):
            spec = job["spec"]
            assert (spec["backoffLimit"], spec["parallelism"], spec["completions"]) == (0, 1, 1)
            assert spec["podReplacementPolicy"] == "Failed"
            assert spec["template"]["spec"]["restartPolicy"] == "Never"

    def test_keeps_to_restricted_pod_security(self, case: str) -> None:
        for job in jobs(case):
            pod = job["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert not any("hostPath" in volume for volume in pod["volumes"])
            for container in pod["containers"]:
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                }

    def test_has_no_token_for_the_api_server(self, case: str) -> None:
        assert all(job["spec"]["template"]["spec"]["automountServiceAccountToken"] is False for job in jobs(case))

    def test_goes_with_its_owner(self, case: str) -> None:
        for job in jobs(case):
            (owner,) = job["metadata"]["ownerReferences"]
            assert (owner["kind"], owner["controller"]) == ("FineTuneJob", True)
