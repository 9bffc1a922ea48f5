"""The versions of the documentation lead to each other, wherever they are served."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from urllib.parse import urljoin

import pytest

ROOT = Path(__file__).parent.parent
SWITCHER = ROOT / "doc" / "_static" / "switcher.json"
sys.path.insert(0, str(ROOT / "doc" / "_extensions"))
versions = import_module("versions")


def _listed():
    return json.loads(SWITCHER.read_text(encoding="utf-8"))


def test_switcher_lists_folders_of_versions():
    assert "dev" in {one["version"] for one in _listed()}
    for one in _listed():
        assert one["url"] == f"../{one['version']}/"
        assert one["name"]


@pytest.mark.parametrize("site", ["https://a.example/", "https://b.example/c/"])
@pytest.mark.parametrize(
    "page", ["index", "guide/entropy", "api/generated/x", "_modules/a/b/c"]
)
def test_list_of_a_page_leads_to_the_same_page_of_other_versions(site, page):
    listed = [{"version": "0.2", "name": "0.2", "url": "../0.2/"}]
    option = versions.switcher_of(page)
    depth = page.count("/")
    assert option["json_url"] == versions.name_of_list(depth)
    assert depth < versions.DEEPEST
    (found,) = versions.from_depth(listed, depth)
    # The theme sets the name of the page behind the address.
    there = urljoin(f"{site}dev/{page}.html", f"{found['url']}{page}.html")
    assert there == f"{site}0.2/{page}.html"
    assert found["version"] == "0.2"


def test_release_is_listed_once(tmp_path, monkeypatch):
    release = runpy.run_path(str(ROOT / ".ci" / "release"))
    (tmp_path / "doc" / "_static").mkdir(parents=True)
    path = tmp_path / "doc" / "_static" / "switcher.json"
    shutil.copy(SWITCHER, path)
    monkeypatch.setitem(release["list_documentation"].__globals__, "ROOT", tmp_path)
    for version in ("0.9.0", "0.10.0", "0.10.1"):
        release["list_documentation"](version)
    listed = json.loads(path.read_text(encoding="utf-8"))
    names = [one["version"] for one in listed]
    assert names[:3] == ["dev", "0.10", "0.9"]
    assert len(names) == len(set(names))
    assert listed[1] == {"version": "0.10", "name": "0.10", "url": "../0.10/"}


@pytest.mark.skipif(os.name == "nt", reason="bash of the workflow")
@pytest.mark.skipif(sys.platform == "darwin", reason="GNU find, as in the workflow")
@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_versions_are_published_beside_each_other(tmp_path):
    names = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    env = {**os.environ, **{f"GIT_{name}": "a@b.example" for name in names}}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def run(*command, cwd):
        subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True)

    def publish(folder, text):
        """Publish from a fresh clone, as the workflow does; the site that is there."""
        shutil.rmtree(tmp_path / "clone", ignore_errors=True)
        run("git", "clone", "-q", "remote", "clone", cwd=tmp_path)
        html = tmp_path / "html"
        html.mkdir(exist_ok=True)
        (html / "index.html").write_text(text)
        run("bash", ROOT / ".ci" / "publish", html, folder, cwd=tmp_path / "clone")
        site = tmp_path / "clone" / "site"
        return {
            str(path.relative_to(site)): path.read_text()
            for path in site.rglob("*.html")
        }

    run("git", "init", "-q", "-b", "main", "remote", cwd=tmp_path)
    (tmp_path / "remote" / "code.py").write_text("")
    run("git", "add", ".", cwd=tmp_path / "remote")
    run("git", "commit", "-q", "-m", "x", cwd=tmp_path / "remote")
    site = publish("dev", "first")
    assert set(site) == {"index.html", "dev/index.html"}
    assert "url=./dev/" in site["index.html"]
    publish("0.9", "0.9")
    publish("0.10", "0.10")
    site = publish("dev", "second")
    assert site["dev/index.html"] == "second"
    assert site["0.9/index.html"] == "0.9"
    assert "url=./0.10/" in site["index.html"]
