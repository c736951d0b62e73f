"""The operator as a process: it starts, leads, hands over, and never acts when it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_operator.api.names import LEADER_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS, LEASES, PODS
from tests.support.apiserver import ApiServer, kubeconfig_for
from tests.support.eventually import eventually
from tests.support.faulty_proxy import faulty_proxy
from tests.support.objects import fine_tune_job, pod
from tests.support.operator_process import OperatorLaunch, OperatorProcess, running_operator

pytestmark = pytest.mark.controlplane


async def holder(cluster: Cluster, namespace: str) -> str:
    lease = await cluster.get(LEASES, namespace, "finetune-operator")
    return str(lease["spec"].get("holderIdentity"))


async def phase(cluster: Cluster, namespace: str, name: str) -> str:
    job = await cluster.get(FINETUNEJOBS, namespace, name)
    return str(job["status"].get("phase", ""))


async def is_ready(operator: OperatorProcess) -> bool:
    return (await operator.get("/readyz"))[0] == 200


async def test_it_leads_is_ready_and_ends_well_when_asked(
    api_server: ApiServer, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with running_operator(api_server, namespace, OperatorLaunch(tmp_path)) as operator:
        await operator.leads()

        assert await operator.get("/healthz") == (200, "ok\n")
        assert await operator.get("/readyz") == (200, "ok\n")
        assert await operator.metric("finetune_leader") == 1
        assert operator.end() == 0

    assert await holder(cluster, namespace) == ""


async def test_every_line_of_its_log_is_json_and_a_quiet_life_has_no_error(
    api_server: ApiServer, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with running_operator(api_server, namespace, OperatorLaunch(tmp_path)) as operator:
        await operator.leads()
        await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("one", instanceType="unheard-of"))
        await eventually(lambda: phase(cluster, namespace, "one"))
        operator.end()

        errors = [line for line in operator.log() if line["level"] == "error"]
        assert not [line for line in errors if line.get("namespace", namespace) == namespace], operator.tail()
        assert all({"time", "level", "message"} <= line.keys() for line in operator.log()), operator.tail()


async def test_of_two_one_leads_and_the_other_stands_by_ready(
    api_server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    launch = OperatorLaunch(tmp_path)
    with running_operator(api_server, namespace, launch) as first:
        await first.leads()
        with running_operator(api_server, namespace, launch) as second:
            await eventually(lambda: is_ready(second))

            assert await second.metric("finetune_leader") == 0
            assert not second.said("leading;")


async def test_when_the_leader_ends_the_standby_leads_at_once(
    api_server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    launch = OperatorLaunch(tmp_path, {"lease": {"seconds": 60, "renewSeconds": 1}})
    with (
        running_operator(api_server, namespace, launch) as first,
        running_operator(api_server, namespace, launch) as second,
    ):
        await eventually(lambda: first.said("leading;") or second.said("leading;"))
        leader, standby = (first, second) if first.said("leading;") else (second, first)
        await eventually(lambda: is_ready(standby))

        assert leader.end() == 0
        await standby.leads()


async def test_when_the_leader_is_killed_the_standby_leads_after_the_lease(
    api_server: ApiServer, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    launches = [OperatorLaunch(tmp_path, environment={"POD_NAME": name}) for name in ("one", "two")]
    with running_operator(api_server, namespace, launches[0]) as first:
        await first.leads()
        with running_operator(api_server, namespace, launches[1]) as second:
            await eventually(lambda: is_ready(second))
            first.kill()

            await second.leads()
            assert await holder(cluster, namespace) == "two"


async def test_who_loses_the_lease_leaves_at_once(
    api_server: ApiServer, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with running_operator(api_server, namespace, OperatorLaunch(tmp_path)) as operator:
        await operator.leads()
        await cluster.patch(LEASES, namespace, "finetune-operator", {"spec": {"holderIdentity": "another"}})

        await eventually(lambda: operator.process.poll() is not None, within=5)
        assert operator.process.returncode == 1
        assert operator.said("leaving at once: the Lease is held by 'another'")
        assert await holder(cluster, namespace) == "another"


async def test_a_setting_that_does_not_exist_is_refused_with_the_nearest_one(
    api_server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    with running_operator(api_server, namespace, OperatorLaunch(tmp_path, {"wrokers": 3})) as operator:
        await eventually(lambda: operator.process.poll() is not None)

        assert operator.process.returncode == 2
        assert operator.said("wrokers: no such setting; did you mean 'workers'?")
        assert len(operator.log()) == 1, operator.tail()


async def test_without_a_cluster_it_says_so_in_one_line(api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    absent = {"KUBECONFIG": str(tmp_path / "absent")}
    with running_operator(api_server, namespace, OperatorLaunch(tmp_path, environment=absent)) as operator:
        await eventually(lambda: operator.process.poll() is not None)

        assert operator.process.returncode == 2
        assert operator.said("there is no kubeconfig")
        assert len(operator.log()) == 1, operator.tail()


async def test_while_the_api_server_is_away_it_waits(api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    away = {"KUBECONFIG": str(kubeconfig_for("http://127.0.0.1:9", tmp_path / "away"))}
    with running_operator(api_server, namespace, OperatorLaunch(tmp_path, environment=away)) as operator:
        await eventually(lambda: operator.said("cannot look at the Lease"))

        assert await operator.get("/healthz") == (200, "ok\n")
        assert operator.end() == 0


async def test_a_short_outage_is_outlasted_and_nothing_is_missed(
    api_server: ApiServer, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy:
        launch = OperatorLaunch(
            tmp_path, {"lease": {"seconds": 20, "renewSeconds": 1}}, {"KUBECONFIG": str(proxy.kubeconfig)}
        )
        with running_operator(api_server, namespace, launch) as operator:
            await operator.leads()
            proxy.fail(503, path="/")
            proxy.cut_watches()
            await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("meanwhile", instanceType="unheard-of"))
            await eventually(lambda: operator.said("cannot renew the Lease"))
            proxy.mend()

            await eventually(lambda: phase(cluster, namespace, "meanwhile"), within=60)
            assert operator.process.poll() is None


async def test_after_a_long_outage_the_restarted_operator_waits_and_then_leads(
    api_server: ApiServer, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy:
        launch = OperatorLaunch(tmp_path, environment={"KUBECONFIG": str(proxy.kubeconfig), "POD_NAME": "one"})
        with running_operator(api_server, namespace, launch) as first:
            await first.leads()
            proxy.fail(503, path="/")
            await eventually(lambda: first.process.poll() is not None)
            assert first.said("leaving at once: the Lease could not be renewed in time")
        with running_operator(api_server, namespace, launch) as second:
            await eventually(lambda: second.said("cannot look at the Lease"))
            await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("meanwhile", instanceType="unheard-of"))
            proxy.mend()

            await second.leads()
            await eventually(lambda: phase(cluster, namespace, "meanwhile"), within=60)


async def test_what_is_refused_and_then_permitted_goes_on_by_itself(
    api_server: ApiServer, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy:
        launch = OperatorLaunch(tmp_path, environment={"KUBECONFIG": str(proxy.kubeconfig)})
        with running_operator(api_server, namespace, launch) as operator:
            await operator.leads()
            proxy.fail(403, path="/status")
            await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("one", instanceType="unheard-of"))
            await eventually(lambda: operator.said("Refused: "))
            proxy.mend()

            await eventually(lambda: phase(cluster, namespace, "one"), within=60)


async def test_the_leader_wears_the_label_and_takes_it_off_when_it_ends(
    api_server: ApiServer, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    await cluster.create(PODS, namespace, pod("operator-0"))
    launch = OperatorLaunch(tmp_path, environment={"POD_NAME": "operator-0"})

    async def is_labelled() -> bool:
        found = await cluster.get(PODS, namespace, "operator-0")
        return LEADER_LABEL in (found["metadata"].get("labels") or {})

    with running_operator(api_server, namespace, launch) as operator:
        await operator.leads()
        await eventually(is_labelled)
        operator.end()

    assert not await is_labelled()
