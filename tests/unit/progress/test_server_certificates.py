"""What the endpoint shows to clients and what they must trust."""

from __future__ import annotations

import aiohttp
import pytest

from finetune_operator.reconciler.progress.authority import Authority
from finetune_operator.reconciler.progress.certificates import make_authority
from finetune_operator.reconciler.progress.endpoint import serving_names
from finetune_operator.reconciler.progress.server import progress_url
from finetune_operator.reconciler.settings import Settings, SettingsError
from tests.unit.progress.stories import KEY, START
from tests.unit.progress.world import REPORT, World


async def test_a_client_that_does_not_trust_our_authority_gets_no_connection() -> None:
    async with World().open() as world, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.post(progress_url(f"https://127.0.0.1:{world.port}", KEY), data=REPORT)


async def test_a_renewed_certificate_is_shown_to_who_connects_next() -> None:
    async with World().open() as world:
        first = await _shown(world)
        world.clock.pass_(86400 * 25)
        assert world.identity.renew(world.identity.authority)
        assert await _shown(world) != first
        assert not world.identity.renew(world.identity.authority)


async def test_after_a_handover_the_new_authority_issues() -> None:
    world = World()
    successor = Authority(make_authority(START))
    assert world.identity.renew(successor)
    async with world.open():
        assert (await world.post()).status == 200


@pytest.mark.parametrize("url", ["http://operator:8443", "operator:8443", "https://"])
def test_a_progress_url_that_pods_could_not_use_is_refused_at_the_start(url: str) -> None:
    settings = Settings.model_validate({"progress": {"url": url}})
    with pytest.raises(SettingsError, match=r"progress\.url: given .* it must be the https:// URL"):
        serving_names(settings)


def test_the_certificate_is_for_the_host_of_the_url_and_the_extra_names() -> None:
    progress = {"url": "https://svc.ns.svc:8443", "subjectAltNames": ["10.0.0.1", "svc.ns.svc"]}
    assert serving_names(Settings.model_validate({"progress": progress})) == ("svc.ns.svc", "10.0.0.1")


async def _shown(world: World) -> bytes:
    _, writer = await world.connected()
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown
