# SPDX-License-Identifier: LGPL-2.1-or-later
"""The house's zone, as resolvers on the internet see it."""

import socket
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from conftest import ZONE, until

HOUSE4, HOUSE6 = "203.0.113.10", "2001:db8:1::2"


def ask(name, kind="A", where=HOUSE4, **keys):
    return dns.query.udp(dns.message.make_query(name, kind, **keys), where, timeout=10)


def data(response):
    return [r.to_text() for rrset in response.answer for r in rrset]


@pytest.mark.parametrize("name", [ZONE, f"ha.{ZONE}", f"anything.at.all.{ZONE}"])
def test_names_below_the_zone_are_the_house(house, name):
    until("the A record through the parent's delegation", lambda: house.dig(name) == [HOUSE4])
    assert house.dig(name, "AAAA") == [HOUSE6]


def test_zone_has_its_own_records(house):
    assert house.dig(ZONE, "NS") == [f"ns.{ZONE}."]
    assert house.dig(f"ns.{ZONE}") == [HOUSE4]
    assert len(house.dig(ZONE, "SOA")) == 1


def test_answers_are_authoritative_and_small(house):
    response = ask(f"ha.{ZONE}", use_edns=0, payload=1232)
    assert response.flags & dns.flags.AA and not response.flags & dns.flags.RA
    assert response.edns == 0 and response.payload == 1232
    assert len(response.to_wire()) <= 4 * len(dns.message.make_query(f"ha.{ZONE}", "A", use_edns=0).to_wire())


def test_it_answers_over_ipv6_and_tcp(house):
    assert data(ask(f"ha.{ZONE}", where=HOUSE6)) == [HOUSE4]
    for where in (HOUSE4, HOUSE6):
        assert data(dns.query.tcp(dns.message.make_query(f"ha.{ZONE}", "A"), where, timeout=10)) == [HOUSE4]


def test_several_questions_on_one_connection(house):
    names = [f"n{i}.{ZONE}" for i in range(20)]
    with socket.create_connection((HOUSE4, 53), timeout=5) as s:
        for name in names:
            dns.query.send_tcp(s, dns.message.make_query(name, "A"), time.time() + 5)
        answered = {dns.query.receive_tcp(s, time.time() + 5)[0].question[0].name.to_text() for _ in names}
    assert answered == {n + "." for n in names}


def test_outside_of_the_zone_is_refused(house):
    for name in ("example.com", "example.org", "."):
        response = ask(name)
        assert response.rcode() == dns.rcode.REFUSED and not response.answer and not response.additional


def test_letters_come_back_as_they_were_asked(house):
    response = ask("hA.HoMe.eXaMpLe.CoM")
    assert response.question[0].name.to_text() == "hA.HoMe.eXaMpLe.CoM."
    assert data(response) == [HOUSE4]


def test_any_is_answered_minimally(house):
    response = ask(ZONE, "ANY")
    assert response.rcode() == dns.rcode.NOERROR and len(response.answer) <= 1


def test_nothing_of_that_type_says_so_with_the_soa(house):
    response = ask(f"ha.{ZONE}", "MX")
    assert response.rcode() == dns.rcode.NOERROR and not response.answer
    assert [r.rdtype for r in response.authority] == [dns.rdatatype.SOA]


def test_cookies(house):
    client = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    first = ask(f"ha.{ZONE}", use_edns=0, options=[dns.edns.CookieOption(client, b"")])
    cookie = next(o for o in first.options if o.otype == dns.edns.OptionType.COOKIE)
    assert cookie.client == client and len(cookie.server) in range(8, 33)
    second = ask(f"ha.{ZONE}", use_edns=0, options=[dns.edns.CookieOption(client, cookie.server)])
    assert second.rcode() == dns.rcode.NOERROR and data(second) == [HOUSE4]


def test_the_stub_resolver_of_the_house_still_works(house):
    assert "203.0.113.55" in house.run("home", "resolvectl", "query", "acme.example.com")
