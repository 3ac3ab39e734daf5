"""Looks at the page of `fanout report` as a person does, in a headless Chromium: on a desk, on a phone, in the dark, and
without JavaScript.

    python report_page.py PAGE FOLDER FAILED CHANGES

FAILED is the name of the account whose last run failed. CHANGES is a page with changes of more than 14 nights. The
screenshots are written to FOLDER. Ends with 3 if Playwright or Chromium is not installed.
"""

import os
import pathlib
import shutil
import sys

NOT_INSTALLED = 3
BROWSERS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]

try:
    from playwright.sync_api import sync_playwright
except ImportError as error:
    print(error)
    sys.exit(NOT_INSTALLED)

browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
if browser_path is None:
    print("none of " + ", ".join(BROWSERS) + " was found")
    sys.exit(NOT_INSTALLED)

page_path, folder, failed = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), sys.argv[3]
changes_path = pathlib.Path(sys.argv[4]).resolve()
folder.mkdir(parents=True, exist_ok=True)
DESK, PHONE = (1280, 900), (390, 844)


class Look:
    """One look at the page, in which nothing may go wrong that the browser notices."""

    def __init__(self, browser, size, path=page_path, **options):
        self.path = path
        viewport = {"width": size[0], "height": size[1]}
        self.context = browser.new_context(viewport=viewport, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.noticed = []
        self.requests = []
        self.page.on("console", lambda message: self.noticed.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.noticed.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self.noticed.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self):
        return self.page

    def __exit__(self, kind, error, trace):
        if kind is None:
            assert self.noticed == [], self.noticed
            assert self.requests == [self.path.as_uri()], self.requests
            assert not self.page.evaluate("'harmed' in window"), "something of a report was executed"
        self.context.close()


def shown_names(page):
    # Not the inner texts: what is out of sight is not laid out, and has none.
    return page.locator(".accounts tbody:not([hidden]) summary").all_text_contents()


def numbers(page, column):
    cells = page.locator(f".accounts tbody tr:not(.detail) > :nth-child({column})").all()
    return [float(value) for value in (cell.get_attribute("data-sort") for cell in cells) if value is not None]


def sorts(page):
    followers, column = page.get_by_role("button", name="Followers"), 4
    before = numbers(page, column)
    assert len(set(before)) > 1, before
    followers.click()
    assert numbers(page, column) == sorted(before, reverse=True), numbers(page, column)
    header = page.get_by_role("columnheader", name="Followers")
    assert header.get_attribute("aria-sort") == "descending"
    followers.click()
    assert numbers(page, column) == sorted(before), numbers(page, column)
    assert header.get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Verdict").click()
    assert header.get_attribute("aria-sort") is None
    assert shown_names(page)[0] == failed, "the worst verdict comes first"
    names = shown_names(page)
    page.get_by_role("button", name="Account").click()
    assert sorted(shown_names(page)) == sorted(names)


def filters(page):
    everybody = shown_names(page)
    wanted = page.get_by_role("searchbox")
    wanted.fill("FAILED")
    assert shown_names(page) == [failed]
    assert page.locator("#filter output").inner_text() == f"1 of {len(everybody)}"
    wanted.fill("nobody has this name")
    assert shown_names(page) == []
    assert page.locator(".accounts tbody:visible").count() == 0
    wanted.fill("")
    assert shown_names(page) == everybody


def opens(page, way):
    """Opens the first account, and sees its chart."""
    row = page.locator(".accounts > tbody").first
    chart = row.locator(".chart use")
    assert not chart.is_visible()
    (row.locator("summary") if way == "name" else row.locator("td.number").first).click()
    box = row.locator(".chart").bounding_box()
    assert box["width"] > 200 and box["height"] > 80, box
    drawn = chart.evaluate("(use) => { const box = use.getBoundingClientRect(); return [box.width, box.height]; }")
    assert drawn[0] > 100 and drawn[1] > 20, drawn
    assert row.locator("dl").is_visible()


def shows_changes(page):
    """Opens the changes of the first account, and sees their chart and their numbers."""
    row = page.locator(".accounts > tbody").nth(1)
    row.locator("th summary").click()
    assert row.locator(".chart").is_visible()
    places = {}
    for part in ["came", "axis", "left"]:
        box = row.locator(f"path.{part}").evaluate("(path) => path.getBoundingClientRect().toJSON()")
        places[part] = (box["top"], box["bottom"])
    assert places["came"][1] <= places["axis"][1] + 1 and places["left"][0] >= places["axis"][0] - 1, places
    assert all(bottom - top > 3 for top, bottom in [places["came"], places["left"]]), places
    assert "followed and" in row.locator("figcaption").inner_text()
    nights = row.locator("table.nights").first
    assert nights.locator("tbody tr").count() == 14
    heads = nights.locator("thead th").all_inner_texts()
    assert heads[:4] == ["Night", "Followed", "Left", "Net"], heads
    for night in nights.locator("tbody tr").all():
        followed, left, net = (int(text.replace(",", "")) for text in night.locator("td").all_inner_texts()[:3])
        assert net == followed - left, (followed, left, net)
    nights.locator("td").first.click()
    assert nights.is_visible(), "a click on a number closes nothing"
    lines = """(cells) => cells.map((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length;
    })"""
    assert set(nights.locator("tbody td").evaluate_all(lines)) == {1}, "a number is broken"
    box, inside = nights.bounding_box(), row.bounding_box()
    assert box["x"] + box["width"] <= inside["x"] + inside["width"], (box, inside)
    earlier = row.locator("details.earlier")
    earlier.locator("summary").click()
    assert earlier.locator("table.nights").is_visible()
    row.locator("th summary").click()
    assert not row.locator(".chart").is_visible(), "what is open inside does not keep it open"
    row.locator("th summary").click()


def fits(page):
    width, inside = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= inside, f"the page is {width} wide and the window {inside}"


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


with sync_playwright() as playwright:
    # Chromium's sandbox does not start for root, who runs the tests in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
    with Look(browser, DESK, color_scheme="light") as page:
        fits(page)
        page.screenshot(path=folder / "report-desktop.png")
        sorts(page)
        filters(page)
        opens(page, "row")
        page.screenshot(path=folder / "report-desktop-whole.png", full_page=True)
        light = ground(page)
        page.locator(".problem a").first.click()
        assert page.locator(".accounts tbody:target .detail").is_visible()
    print("ok desktop")
    with Look(browser, PHONE, color_scheme="light", has_touch=True, is_mobile=True) as page:
        fits(page)
        opens(page, "name")
        fits(page)
        page.screenshot(path=folder / "report-phone.png")
        page.locator(".accounts").scroll_into_view_if_needed()
        page.screenshot(path=folder / "report-phone-accounts.png")
        sorts(page)
        filters(page)
    print("ok phone")
    with Look(browser, DESK, color_scheme="dark") as page:
        assert ground(page) != light, light
        page.screenshot(path=folder / "report-dark.png")
    print("ok dark")
    for name, size in [("desktop", DESK), ("phone", PHONE)]:
        with Look(browser, size, changes_path, color_scheme="light") as page:
            fits(page)
            shows_changes(page)
            fits(page)
            page.screenshot(path=folder / f"report-changes-{name}.png", full_page=True)
    print("ok changes")
    plain = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}, java_script_enabled=False)
    page = plain.new_page()
    page.goto(page_path.as_uri())
    assert not page.locator("#filter").is_visible()
    row = page.locator(".accounts > tbody").first
    row.locator("summary").click()
    assert row.locator(".chart").is_visible()
    print("ok without JavaScript")
    browser.close()
