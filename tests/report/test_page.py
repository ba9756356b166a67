"""The page: whole, self-contained, readable by machines, with everything that was judged."""

import base64
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from tests.report.fake_claims import (
    BROKEN,
    CONTROL_HOLDS,
    FALSE,
    HOLDS,
    OTHER,
    SOUND,
    SOURCE,
    UNSOUND,
)

from marginflow.claims.run_claims import judge
from marginflow.report import About, Problem, claim_picture, make_plate, report_page, summarize

VOID = {"meta", "img", "br"}
ABOUT = About(
    generated="2020-01-01 00:00:00 UTC",
    seconds=75.0,
    version="0.1.0",
    command="marginflow reproduce",
    asked=len(SOUND),
    environment={"python": "3.11 <x>", "numpy": "2.0"},
)


class Reader(HTMLParser):
    """Elements in order, with a complaint for every tag that does not close where it should."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in <{tag}>"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def plates():
    judged = judge(HOLDS)
    return {HOLDS.id: make_plate(claim_picture(HOLDS, judged.evidence))}


@pytest.fixture(scope="module")
def sound(plates):
    judged = [judge(claim) for claim in SOUND]
    return report_page(judged, ABOUT, claim_plates=plates, gallery=[plates[HOLDS.id]])


def test_the_page_is_well_formed_and_each_id_stands_once(sound):
    ids = [attributes["id"] for _, attributes in Reader(sound).elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert sound.startswith("<!doctype html>")


def test_every_claim_is_there_with_all_that_was_said_and_found(sound):
    text = Reader(sound).text
    assert "4 claims: 1 hold, 1 fail as said, 1 undecided, 1 skipped" in text
    for claim in SOUND:
        for words in (
            claim.id,
            claim.statement,
            claim.section,
            claim.source.citation,
            claim.control_statement,
            claim.tolerance_reason,
            f"marginflow reproduce {claim.id}",
        ):
            assert words in text
        assert f'id="claim-{claim.id.replace("/", "-")}"' in sound
    assert "seeds = 0…3" in text
    assert "1 ± 0.05" in text
    assert "3.11 <x>" in text


def test_every_source_has_a_chapter_with_its_count_and_its_claims_alone(sound):
    reader = Reader(sound)
    for source, count in ((SOURCE, "2 claims: 1 hold, 1 fail as said"), (OTHER, "2 claims: ")):
        name = f"source-{source.key}"
        assert f"{source.citation} {count}" in reader.text
        links = [link for link in reader.all("a") if link["href"] == f"#{name}"]
        assert len(links) == 2  # of the contents, and of the table
        _, _, chapter = sound.partition(f'<section id="{name}"')
        chapter, _, _ = chapter.partition("</section>")
        assert count in chapter
        own = [claim.id for claim in SOUND if claim.source == source]
        assert re.findall(r'<article id="claim-([^"]+)"', chapter) == [
            each.replace("/", "-") for each in own
        ]


def test_a_tally_names_what_there_is_and_no_more():
    judged = [judge(claim) for claim in (*SOUND, *UNSOUND)]
    assert summarize(judged[:1]).tally == "1 claim: 1 hold"
    assert summarize(judged).tally == (
        "7 claims: 2 hold, 1 fail as said, 1 undecided, 1 proved but not found, 1 skipped, "
        "1 could not be run"
    )


def test_links_inside_the_page_lead_somewhere_and_the_others_to_papers(sound):
    reader = Reader(sound)
    ids = {attributes["id"] for _, attributes in reader.elements if "id" in attributes}
    for link in reader.all("a"):
        if link["href"].startswith("#"):
            assert link["href"][1:] in ids
        else:
            assert link["href"].startswith("https://arxiv.org/abs/")


def test_nothing_is_loaded_and_nothing_runs(sound):
    reader = Reader(sound)
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "video", "form", "base"}
    for tag, attributes in reader.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "srcset", "data", "poster", "background"):
                assert value.startswith("data:image/svg+xml;base64,"), f"{tag} loads {value[:60]}"
    [style] = re.findall(r"<style>(.*?)</style>", sound, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_every_picture_is_a_drawing_with_a_text_in_its_place(sound):
    images = Reader(sound).all("img")
    assert len(images) == 2
    for image in images:
        assert image["alt"]
        assert int(image["width"]) > 100
        drawing = base64.b64decode(image["src"].partition(",")[2])
        for element in ET.fromstring(drawing).iter():
            for name, value in element.attrib.items():
                assert not name.endswith("href") or value.startswith("#")


def test_tables_say_what_their_cells_belong_to(sound):
    headers = Reader(sound).all("th")
    assert headers
    assert all(header["scope"] in ("col", "row", "rowgroup") for header in headers)


def test_headings_descend_one_by_one(sound):
    levels = [int(tag[1]) for tag, _ in Reader(sound).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_what_is_wrong_comes_first():
    page = report_page([judge(claim) for claim in (*SOUND, *UNSOUND)], ABOUT)
    before, _, _ = page.partition('id="claims"')
    for claim in UNSOUND:
        assert claim.id in before
    assert "This must not be" in before
    assert "all controls fail: no" in before


def test_a_sound_page_has_no_alarm(sound):
    assert "This must not be" not in sound
    assert "Interrupted" not in sound
    assert 'class="flagged"' not in sound


def test_an_interrupted_run_says_how_far_it_came():
    page = report_page([judge(HOLDS)], replace(ABOUT, asked=9))
    assert "1 of 9 claims were run" in page


def test_a_picture_that_failed_needs_no_claim_to_be_named():
    problem = Problem("overview", "has a picture that could not be drawn")
    page = report_page([judge(HOLDS)], ABOUT, failed_pictures=[problem])
    assert "<code>overview</code>" in page
    Reader(page)


def test_the_same_run_gives_the_same_page_but_for_its_times(plates):
    def page(about):
        judged = [replace(judge(claim), seconds=0.0) for claim in (*SOUND, *UNSOUND)]
        return report_page(judged, about, claim_plates=plates)

    assert page(ABOUT) == page(ABOUT)
    later = page(replace(ABOUT, generated="2021-02-03 04:05:06 UTC", seconds=12.0))
    assert later.replace("2021-02-03 04:05:06 UTC", ABOUT.generated).replace(
        "12.0 s", "1 min 15 s"
    ) == page(ABOUT)


def test_messages_and_names_are_text_not_markup():
    claim = replace(FALSE, statement="<script>alert(1)</script> & <b>bold</b>")
    page = report_page([judge(claim), judge(BROKEN), judge(CONTROL_HOLDS)], ABOUT)
    assert "<script>" not in page
    assert claim.statement in Reader(page).text


def test_a_page_of_many_checks_shows_those_that_decide():
    judged = judge(HOLDS)
    [check, _] = judged.evidence.checks
    many = [replace(check, name=f"figure {i}", measured=1.0 + i * 1e-4) for i in range(40)]
    crowded = replace(judged, evidence=replace(judged.evidence, checks=tuple(many)))
    text = Reader(report_page([crowded], ABOUT)).text
    assert "the 12 that decide first of 40" in text
    assert "figure 39" in text
    assert "figure 3 " not in text
