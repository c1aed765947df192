import pytest

from core.store import open_store
from core.trust import fingerprint_folder, read_trust, remember_trust


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "program.py").write_text("x = 1\n")
    (root / "pkg" / "m.py").write_text("y = 1\n")
    (root / "rows.jsonl").write_text("{}\n")
    return root


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "person" / "store.json")


def test_a_folder_is_asked_about_once(folder, store):
    trust = read_trust(folder, store=store)
    assert (trust.trusted, trust.changed, trust.files) == (False, False, 2)
    remember_trust(folder, trust.fingerprint, store=store)
    assert read_trust(folder, store=store).trusted


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "program.py").write_text("x = 2\n"),
        lambda root: (root / "pkg" / "new.py").write_text(""),
        lambda root: (root / "pkg" / "m.py").rename(root / "pkg" / "n.py"),
        lambda root: (root / "compilot.toml").write_text("[program]\n"),
    ],
)
def test_other_content_is_asked_about_again(folder, store, change):
    remember_trust(folder, fingerprint_folder(folder)[0], store=store)
    change(folder)
    trust = read_trust(folder, store=store)
    assert (trust.trusted, trust.changed) == (False, True)


@pytest.mark.parametrize(
    "name", ["rows.jsonl", "venv/lib/x.py", ".compilot/x.py", "__pycache__/x.py", "env/x.py"]
)
def test_data_and_environments_do_not_matter(folder, store, name):
    remember_trust(folder, fingerprint_folder(folder)[0], store=store)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("changed")
    if name.startswith("env/"):
        (folder / "env" / "pyvenv.cfg").write_text("")
    assert read_trust(folder, store=store).trusted


def test_a_copy_elsewhere_is_another_folder(folder, store, tmp_path):
    import shutil

    remember_trust(folder, fingerprint_folder(folder)[0], store=store)
    shutil.copytree(folder, tmp_path / "copy")
    assert not read_trust(tmp_path / "copy", store=store).trusted


def test_a_damaged_memory_trusts_nobody(folder, store):
    remember_trust(folder, fingerprint_folder(folder)[0], store=store)
    store.path.write_text("{broken")
    store.backup.write_text("{broken")
    assert not read_trust(folder, store=store).trusted
