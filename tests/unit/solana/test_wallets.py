"""Keys stay in their files and signers; a wallet that cannot be used says why."""

from __future__ import annotations

import copy
import errno
import json
import logging
import os
import pickle
import stat
import traceback
from base64 import b64encode
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from shared.solana.wallets.key_file import BadWallet, new_key_file, read_key_file
from shared.solana.wallets.signer import KeySigner
from shared.solana.wallets.wallets_file import read_wallets
from tests.support.secrets import given_away
from tests.unit.solana.swaps import keypair

KEY = keypair("a secret key")


def _write(path: Path, content: object, mode: int = 0o600) -> Path:
    path.write_text(json.dumps(content))
    path.chmod(mode)
    return path


def _key_file(folder: Path, key: Keypair = KEY, name: str = "key.json") -> Path:
    return _write(folder / name, list(bytes(key)))


def test_a_key_file_of_solanas_own_command_line_signs(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(KEY.to_json())  # As solana-keygen writes it.
    path.chmod(0o400)
    signer = read_key_file(path)

    assert signer.public_key == KEY.pubkey()
    assert signer.sign(b"message").verify(KEY.pubkey(), b"message")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o660, 0o644])
def test_a_key_file_that_others_can_touch_is_refused_with_the_chmod(
    tmp_path: Path, mode: int
) -> None:
    path = _write(tmp_path / "key.json", list(bytes(KEY)), mode)

    with pytest.raises(BadWallet, match=f"chmod 600 {path}"):
        read_key_file(path)


def test_a_key_file_of_another_user_is_refused_with_the_chown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _key_file(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 4_242)

    with pytest.raises(BadWallet, match=f"chown 4242 {path}"):
        read_key_file(path)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_something_else_than_a_file_is_no_key(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)

    with pytest.raises(BadWallet, match=str(path)):
        read_key_file(path)


SECRET = list(bytes(KEY))


@pytest.mark.parametrize(
    "content",
    [
        SECRET[:32],
        SECRET[:63],
        [*SECRET, 0],
        [*SECRET[:32], *bytes(keypair("another"))[32:]],
        [*SECRET[:63], 256],
        [*SECRET[:63], -1],
        [*SECRET[:63], "1"],
        {"key": SECRET},
        str(KEY),
        "",
    ],
    ids=range(10),
)
def test_a_key_file_that_holds_no_key_is_refused_without_a_word_of_it(
    tmp_path: Path, content: object
) -> None:
    path = _write(tmp_path / "key.json", content)
    with pytest.raises(BadWallet, match="is no key") as caught:
        read_key_file(path)

    _is_silent("".join(traceback.format_exception(caught.value)))


def _is_silent(text: str) -> None:
    assert given_away(KEY, {"the text": text.encode()}) == []


def test_no_text_and_no_log_shows_a_key(caplog: pytest.LogCaptureFixture) -> None:
    signer = KeySigner(KEY)
    logging.getLogger("wallets").warning("%s %r %s", signer, signer, {"signer": [signer]})

    assert repr(signer) == f"KeySigner({KEY.pubkey()})"
    _is_silent(f"{signer} {signer!r} {dir(signer)} {caplog.text}")


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_signer_is_never_copied(copier: object) -> None:
    with pytest.raises(TypeError, match="never copied") as caught:
        copier(KeySigner(KEY))  # type: ignore[operator]  # One of three functions.

    _is_silent(str(caught.value))


def test_a_new_key_is_for_its_owner_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    public_key = new_key_file(path)
    written = path.read_bytes()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key_file(path).public_key == public_key
    with pytest.raises(BadWallet, match="exists and stays as it is"):
        new_key_file(path)
    assert path.read_bytes() == written


def test_a_key_of_which_only_half_came_to_disk_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        assert not (tmp_path / "new.json").exists()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(BadWallet, match="No space left"):
        new_key_file(tmp_path / "new.json")

    assert list(tmp_path.iterdir()) == []


def test_a_new_key_is_not_written_through_a_link_or_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")

    with pytest.raises(BadWallet, match="exists"):
        new_key_file(tmp_path / "link")
    with pytest.raises(BadWallet, match="cannot be made: No such file"):
        new_key_file(tmp_path / "no" / "folder")
    assert not (tmp_path / "target").exists()


def _wallets_file(folder: Path, text: str) -> Path:
    path = folder / "wallets.toml"
    path.write_text(text)
    return path


ADDRESS = f'address = "{KEY.pubkey()}"'


def test_accounts_have_their_wallet_and_all_others_the_one_for_others(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    _key_file(tmp_path / "keys")
    desk = _key_file(tmp_path, keypair("desk"), "desk.json")
    path = _wallets_file(
        tmp_path,
        f'[main]\n{ADDRESS}\nkey_file = "keys/key.json"\naccounts = ["*"]\n'
        f'[desk]\naddress = "{keypair("desk").pubkey()}"\nkey_env = "DESK"\naccounts = ["alice"]\n',
    )
    wallets = read_wallets(path)
    signers = wallets.signers({"DESK": str(desk)})

    assert wallets.of("alice").address == keypair("desk").pubkey()
    assert (wallets.of("bob").name, wallets.of("bob").address) == ("main", KEY.pubkey())
    assert {name: signer.public_key for name, signer in signers.items()} == {
        name: wallet.address for name, wallet in wallets.all.items()
    }
    _is_silent(f"{wallets} {signers}")


def test_who_only_looks_needs_no_key(tmp_path: Path) -> None:
    path = _wallets_file(tmp_path, f'[main]\n{ADDRESS}\nkey_file = "nowhere.json"')

    assert read_wallets(path).all["main"].address == KEY.pubkey()


def test_an_account_without_a_wallet_is_told_where_none_is_for_others(tmp_path: Path) -> None:
    path = _wallets_file(tmp_path, f"[main]\n{ADDRESS}")

    with pytest.raises(BadWallet, match="account 'bob' has no wallet"):
        read_wallets(path).of("bob")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x y", "is not TOML: .*line 1"),
        ("", "names no wallet"),
        ("[main]", "main.address: is required"),
        ('[main]\naddress = "x"', "main.address: must be an address of Solana"),
        (f"[main]\n{ADDRESS}", "main: needs key_file or key_env"),
        (f'[main]\n{ADDRESS}\nkey_file = "a"\nkey_env = "B"', "main: needs key_file or"),
        (f'[main]\n{ADDRESS}\nkey = "a"', "main.key: is not known here"),
        (f"[main]\n{ADDRESS}\nkey_file = 1", "main.key_file: Input should be a valid string"),
        (f'[main]\n{ADDRESS}\nkey_file = "none"', "main: .*none cannot be read: No such file"),
        (f'[main]\n{ADDRESS}\nkey_env = "NONE"', "main: key_env: the variable NONE is not set"),
        (f'[main]\n{ADDRESS}\nkey_file = "other.json"', "main: other.json is the key of"),
        (f'["a b"]\n{ADDRESS}\nkey_env = "X"', "a b: must be 1 to 64"),
        (f'[main]\n{ADDRESS}\naccounts = ["a b"]', "main.accounts.0: must be 1 to 64"),
        (
            f'[a]\n{ADDRESS}\naccounts = ["x"]\n[b]\n{ADDRESS}\naccounts = ["x"]',
            "b: account 'x' is a's already",
        ),
        ('main = "x"', "main: must be a table"),
    ],
)
def test_a_file_of_wallets_with_a_fault_names_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    _key_file(tmp_path)
    _key_file(tmp_path, keypair("other"), "other.json")
    path = _wallets_file(tmp_path, text)

    with pytest.raises(BadWallet, match=said) as caught:
        read_wallets(path).signers({})
    assert all(line.startswith(str(path)) for line in str(caught.value).splitlines())


@pytest.mark.parametrize("where", ["key_file", "key_env", "the variable"])
@pytest.mark.parametrize(
    "spelling",
    [
        str(KEY),
        str(Pubkey(bytes(KEY)[:32])),
        json.dumps(SECRET),
        bytes(KEY).hex(),
        b64encode(bytes(KEY)).decode(),
        f" {bytes(KEY)[:32].hex()}",
    ],
    ids=range(6),
)
def test_a_key_in_the_place_of_its_path_is_refused_without_a_word_of_it(
    tmp_path: Path, where: str, spelling: str
) -> None:
    field = f"{where} = '{spelling}'" if where != "the variable" else 'key_env = "KEY"'
    path = _wallets_file(tmp_path, f"[main]\n{ADDRESS}\n{field}")

    with pytest.raises(BadWallet, match="holds a key itself") as caught:
        read_wallets(path).signers({"KEY": spelling})

    said = "".join(traceback.format_exception(caught.value))
    _is_silent(said)
    assert spelling.strip() not in said


def test_a_file_of_wallets_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadWallet, match="cannot be read: No such file"):
        read_wallets(tmp_path / "wallets.toml")
