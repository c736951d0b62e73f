"""Which addresses a cluster gets."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.errors import ClusterError
from tests.cluster.network import INDEXES, Network, choose

Block = ipaddress.IPv4Network


def test_the_first_cluster_gets_the_first_network() -> None:
    assert choose(taken=[], in_use=[]).index == 0


def test_a_network_of_another_cluster_is_passed_over() -> None:
    assert choose(taken=[0, 1, 3], in_use=[]).index == 2


def test_a_range_that_the_host_reaches_already_is_passed_over() -> None:
    assert choose(taken=[], in_use=[Block("10.213.0.0/31"), Block("10.214.1.0/24")]).index == 2


def test_when_everything_is_taken_it_says_so() -> None:
    with pytest.raises(ClusterError, match="No address range"):
        choose(taken=[], in_use=[Block("10.0.0.0/8")])


@given(st.sampled_from(INDEXES), st.sampled_from(INDEXES))
def test_two_networks_never_overlap(one: int, other: int) -> None:
    first, second = Network(one), Network(other)
    ours, theirs = (first.link, first.pods), (second.link, second.pods)
    assert (one == other) == any(block.overlaps(each) for block in ours for each in theirs)
    assert len(first.interface) < 16  # Linux takes no longer name
