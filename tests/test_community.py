"""What contributors and users with a problem find in the repository is right."""

import re
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
FORMS = sorted(
    path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"
)
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
# What each kind of field may have: the schema of issue forms.
FIELDS = {
    "markdown": {"value"},
    "textarea": {"label", "description", "placeholder", "value", "render"},
    "input": {"label", "description", "placeholder", "value"},
    "dropdown": {"label", "description", "multiple", "options", "default"},
    "checkboxes": {"label", "description", "options"},
}


def _load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_there_is_a_form_for_each_kind_of_issue():
    assert [path.stem for path in FORMS] == ["bug", "feature", "question"]
    assert _load(GITHUB / "ISSUE_TEMPLATE" / "config.yml") == {
        "blank_issues_enabled": False
    }


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_form_is_one_that_github_takes(path):
    form = _load(path)
    assert set(form) == {"name", "description", "labels", "body"}
    fields = form["body"]
    ids = [field["id"] for field in fields if field["type"] != "markdown"]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", one) for one in ids)
    labels = [field["attributes"].get("label") for field in fields]
    assert len(labels) == len(set(labels))
    for field in fields:
        assert set(field) <= {"type", "id", "attributes", "validations"}
        assert set(field["attributes"]) <= FIELDS[field["type"]]
        assert field["attributes"]["label"]
        assert set(field.get("validations", {})) <= {"required"}
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_bugs_come_with_versions():
    text = (GITHUB / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")
    assert "skdse.show_versions()" in text


@pytest.mark.parametrize(
    "path", [*GITHUB.glob("*.md"), ROOT / "CONTRIBUTING.md"], ids=lambda path: path.stem
)
def test_links_to_files_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    for link in links:
        if "://" not in link:
            assert (path.parent / link).exists(), link


def test_page_of_support_names_the_versions_of_the_metadata():
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    page = (ROOT / "doc" / "guide" / "help.rst").read_text(encoding="utf-8")
    table = dict(re.findall(r"   \* - (.+)\n     - (.+)", page))
    shown = {name.lower(): value for name, value in table.items()}
    required = dict(
        re.findall(r"([a-z-]+)>=([\d.]+)", " ".join(project["dependencies"]))
    )
    for name in ("numpy", "scipy", "scikit-learn", "pynndescent"):
        assert shown[name] == f"{required[name]} and newer"
    version = re.compile(r"Programming Language :: Python :: (\d\.\d+)")
    versions = [m[1] for one in project["classifiers"] if (m := version.fullmatch(one))]
    assert shown["python"] == ", ".join(versions)
    assert project["requires-python"] == f">={versions[0]}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_has_limits_and_few_rights(path):
    workflow = _load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job or "needs" in job


def test_oldest_versions_are_those_of_the_workflow():
    with open(ROOT / "pyproject.toml", "rb") as file:
        dependencies = " ".join(tomllib.load(file)["project"]["dependencies"])
    workflow = _load(GITHUB / "workflows" / "tests.yml")
    oldest = workflow["jobs"]["checks"]["strategy"]["matrix"]["include"][0]
    constraints = dict(re.findall(r"([a-z-]+)==([\d.]+\d)", oldest["constraints"]))
    for name, version in re.findall(r"([a-z-]+)>=([\d.]+)", dependencies):
        if name in constraints:
            assert constraints[name] == version
    assert {"numpy", "scipy", "scikit-learn", "pynndescent"} <= set(constraints)
