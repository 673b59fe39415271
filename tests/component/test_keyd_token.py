# SPDX-License-Identifier: LGPL-2.1-or-later
"""hagw-keyd and the relay's token: who may ask, what it proves, and that neither a kill nor a cut file costs more than it must."""

import base64
import hashlib
import hmac

import pytest
from conftest import ROOT, VarlinkError
from proxyhouse import ProxyHouse

wait = ProxyHouse.wait
BINDING = bytes(range(0x80, 0xA0))
SECRET = bytes(range(32))
# Made with Python's hmac and hashlib from the bytes 0 to 31, tenant anna, token id aaaaaaab and BINDING.
TOKEN = "hagw_anna_aaaaaaab_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"
PROOF = "5a4d201304b1bac76c90acfb25047719f08a96841d095e092a9f89ac0b07b9dd"


@pytest.fixture
def keyd(house):
    return house.daemon("keyd", "io.hagw.Key")


@pytest.fixture
def state(house):
    return house.root / "state" / "keyd"


def b64(data):
    return base64.b64encode(data).decode()


def prove(keyd, binding=BINDING):
    answer = keyd.call("ProveToken", binding=b64(binding))
    return answer["tenant"], answer["tokenId"], base64.b64decode(answer["proof"])


def admits(stored_key, tenant, token_id, proof, binding=BINDING):
    """What the relay does with StoredKey, as docs/relay-protocol.md says."""
    message = b"\0".join([b"hagw-relay-1 proof", tenant.encode(), token_id.encode(), binding])
    mac = hmac.new(stored_key, message, hashlib.sha256).digest()
    return hashlib.sha256(bytes(a ^ b for a, b in zip(proof, mac))).digest() == stored_key


def refused(error, daemon, method, **parameters):
    with pytest.raises(VarlinkError) as e:
        daemon.call(method, **parameters)
    assert e.value.name.endswith(error), e.value


def test_import_and_prove(keyd, state):
    keyd.call("ImportToken", token=TOKEN)
    assert prove(keyd) == ("anna", "aaaaaaab", bytes.fromhex(PROOF))
    answer = keyd.call("GetToken")
    assert answer.pop("createdUSec") > 0 and answer == {"tenant": "anna", "tokenId": "aaaaaaab"}
    assert (state / "relay-token").stat().st_mode & 0o777 == 0o600
    wait(lambda: "relay token of anna" in keyd.status)
    # The secret is in no answer and in no log, though it runs at debug level.
    assert TOKEN[-20:] not in keyd.text() and "aaaqeaye" not in keyd.status


def test_another_connection_another_proof(keyd):
    keyd.call("ImportToken", token=TOKEN)
    tenant, token_id, proof = prove(keyd)
    stored_key = hashlib.sha256(SECRET).digest()
    assert admits(stored_key, tenant, token_id, proof)
    assert not admits(stored_key, tenant, token_id, proof, binding=bytes(32))
    assert not admits(stored_key, "berta", token_id, proof)
    assert not admits(stored_key, tenant, "aaaaaaac", proof)


def test_enrolment(keyd):
    stored_key = base64.b64decode(keyd.call("PrepareToken")["storedKey"])
    # Prepared is not in use.
    refused("NoToken", keyd, "ProveToken", binding=b64(BINDING))
    keyd.call("AdoptToken", tenant="anna", tokenId="abcdefgh")
    assert admits(stored_key, *prove(keyd))
    # Adopted once.
    refused("NoToken", keyd, "AdoptToken", tenant="berta", tokenId="abcdefgh")
    assert keyd.call("GetToken")["tenant"] == "anna"


def test_no_relay_sees_a_secret_of_another(keyd):
    first, second = (base64.b64decode(keyd.call("PrepareToken")["storedKey"]) for _ in range(2))
    assert first != second and len(first) == 32
    keyd.call("AdoptToken", tenant="anna", tokenId="abcdefgh")
    assert admits(second, *prove(keyd)) and not admits(first, *prove(keyd))


def test_preparing_leaves_the_token_in_use(keyd):
    keyd.call("ImportToken", token=TOKEN)
    keyd.call("PrepareToken")
    assert prove(keyd)[2] == bytes.fromhex(PROOF)
    keyd.call("AdoptToken", tenant="carla", tokenId="77777777")
    assert prove(keyd)[:2] == ("carla", "77777777") and prove(keyd)[2] != bytes.fromhex(PROOF)


def test_remove(keyd, state):
    keyd.call("RemoveToken")
    keyd.call("ImportToken", token=TOKEN)
    keyd.call("PrepareToken")
    keyd.call("RemoveToken")
    for method, parameters in (("GetToken", {}), ("ProveToken", {"binding": b64(BINDING)}),
                               ("AdoptToken", {"tenant": "anna", "tokenId": "abcdefgh"})):
        refused("NoToken", keyd, method, **parameters)
    assert list(state.iterdir()) == []
    wait(lambda: "token" not in keyd.status)


def test_refuses_nonsense(keyd, state):
    for bad in ("", "x", TOKEN + "a", TOKEN + "\n", TOKEN.upper(), TOKEN.replace("anna", "an.na"), TOKEN * 1000):
        refused("InvalidParameter", keyd, "ImportToken", token=bad)
    keyd.call("PrepareToken")
    for tenant, token_id in (("", "abcdefgh"), ("../x", "abcdefgh"), ("Anna", "abcdefgh"), ("a" * 64, "abcdefgh"),
                             ("anna", ""), ("anna", "abcdefg"), ("anna", "abcdefg1"), ("anna", "abcdefgh\n")):
        refused("InvalidParameter", keyd, "AdoptToken", tenant=tenant, tokenId=token_id)
    keyd.call("ImportToken", token=TOKEN)
    for bad in ("", "%%%", b64(bytes(31)), b64(bytes(33)), b64(bytes(32))[:-1], "A" * 100000):
        refused("InvalidParameter", keyd, "ProveToken", binding=bad)


def test_killed_between_prepare_and_adopt(keyd):
    """The relay has admitted the secret meanwhile, and its code is used up: the secret must still be there."""
    stored_key = base64.b64decode(keyd.call("PrepareToken")["storedKey"])
    keyd.kill()
    keyd.start()
    keyd.call("AdoptToken", tenant="anna", tokenId="abcdefgh")
    keyd.kill()
    keyd.start()
    assert admits(stored_key, *prove(keyd))
    wait(lambda: "relay token of anna" in keyd.status)


def test_killed_while_it_adopts(keyd, state):
    """At each instant one of the two is in force; the next call completes it."""
    keyd.call("ImportToken", token=TOKEN)
    for i in range(8):
        stored_key = base64.b64decode(keyd.call("PrepareToken")["storedKey"])
        with keyd.varlink() as v:
            before = keyd.call("GetToken")["tenant"]
            v.send("io.hagw.Key.AdoptToken", {"tenant": f"t{i}", "tokenId": "abcdefgh"})
            keyd.kill()
        keyd.start()
        assert keyd.call("GetToken")["tenant"] in (before, f"t{i}")
        try:
            keyd.call("AdoptToken", tenant=f"t{i}", tokenId="abcdefgh")
        except VarlinkError as e:
            assert e.name.endswith("NoToken")
        tenant, token_id, proof = prove(keyd)
        assert tenant == f"t{i}" and admits(stored_key, tenant, token_id, proof)
        assert [p.name for p in state.iterdir()] == ["relay-token"]


@pytest.mark.parametrize("keep", [0, 5, 30, -30, -1])
def test_cut_file_is_set_aside(keyd, state, keep):
    keyd.call("ImportToken", token=TOKEN)
    keyd.kill()
    text = (state / "relay-token").read_bytes()
    (state / "relay-token").write_bytes(text[:keep])
    keyd.start()
    wait(lambda: "broken relay token" in keyd.status)
    assert "relay-token.broken" in keyd.text()
    assert (state / "relay-token.broken").read_bytes() == text[:keep]
    refused("NoToken", keyd, "ProveToken", binding=b64(BINDING))
    keyd.call("ImportToken", token=TOKEN)
    assert prove(keyd)[2] == bytes.fromhex(PROOF)


def test_cut_prepared_file_is_set_aside(keyd, state):
    keyd.call("PrepareToken")
    file = state / "relay-token.prepared"
    file.write_bytes(file.read_bytes()[:-1])
    refused("NoToken", keyd, "AdoptToken", tenant="anna", tokenId="abcdefgh")
    assert (state / "relay-token.prepared.broken").exists() and not file.exists()


def test_half_written_files_are_dropped(keyd, state):
    keyd.kill()
    for name in ("relay-token.new", "relay-token.prepared.new"):
        (state / name).write_text("Created: 1")
    keyd.start()
    assert list(state.iterdir()) == []


def test_credential_wins(house, tmp_path, state):
    credential = tmp_path / "hagw.relay-token"
    credential.write_text(TOKEN + "\n")
    keyd = house.daemon("keyd", "io.hagw.Key", env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    keyd.call("ImportToken", token=TOKEN.replace("anna", "stored").replace("aaaaaaab", "77777777"))
    assert "is used in place of" in keyd.text()
    assert keyd.call("GetToken") == {"tenant": "anna", "tokenId": "aaaaaaab"}
    assert prove(keyd) == ("anna", "aaaaaaab", bytes.fromhex(PROOF))
    keyd.call("RemoveToken")
    assert prove(keyd)[0] == "anna"
    # One that is broken is said so, and is not replaced by what was stored at some time.
    keyd.call("ImportToken", token=TOKEN)
    credential.write_text(TOKEN[:-4])
    refused("NoToken", keyd, "ProveToken", binding=b64(BINDING))
    assert "credential hagw.relay-token" in keyd.text() and not (state / "relay-token.broken").exists()
    assert "ImportCredential=hagw.relay-token" in (ROOT / "units/hagw-keyd.service").read_text()
    credential.unlink()
    assert "createdUSec" in keyd.call("GetToken")


def test_metrics(keyd):
    keyd.call("ImportToken", token=TOKEN)
    prove(keyd)
    metrics = keyd.call("io.hagw.Service.GetMetrics")["metrics"]
    assert [m["value"] for m in metrics if m.get("labels") == {"kind": "proof"}] == [1]
