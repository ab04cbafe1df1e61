"""What people write stays text: on every page and in every field, nothing of it runs and the policy has nothing to stop."""

import json
from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect

from tests.browser.cast import Cast
from tests.browser.payloads import NICKNAME_MOST, PAYLOADS
from tests.browser.tour import put_in_focus
from tests.journey.stages import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]
NICKNAMES = [each for each in PAYLOADS if len(each) <= NICKNAME_MOST]
# What markup from a text would leave behind. The pages themselves make none of these.
FOREIGN = "iframe, object, embed, math, video, base, template, script:not([src]), form[action], [style*=animation-name]"


async def nothing_ran(page: Page) -> None:
    """The watch of the test tells of policies and dialogs; this tells of everything else."""
    found = await page.evaluate(
        """foreign => [window.__xss, ...[...document.querySelectorAll(foreign)].map((each) => each.outerHTML),
        ...[...document.querySelectorAll("*")].flatMap((each) => [...each.attributes]).filter(({ name, value }) =>
          name.startsWith("on") || /^\\s*javascript:/i.test(value) && name !== "value").map(({ name, value }) => `${name}=${value}`)
        ].filter((each) => each !== undefined && each !== null)""",
        FOREIGN,
    )
    assert found == []


async def test_the_corpus_is_large_enough() -> None:
    assert len(set(PAYLOADS)) >= 30
    assert len(NICKNAMES) >= 25


async def test_session_titles(cast: Cast, stage: Stage) -> None:
    """The first is typed; the others come as their presenter links, which is how they get into the list."""
    desk, sessions = await cast.presenter(), []
    await desk.create_session(PAYLOADS[0])
    await expect(desk.page.locator("header .name")).to_have_text(PAYLOADS[0])
    for payload in PAYLOADS[1:]:
        scene = await stage.session(payload)
        sessions.append({"id": scene.id, "ticket": scene.ticket, "title": payload, "join_code": payload, "made_ms": 1})
    await desk.page.evaluate("kept => localStorage.setItem('plenum.sessions', JSON.stringify(kept))", sessions)
    await desk.page.goto(f"{desk.url}/present")
    await expect(desk.page.locator(".sessions h2")).to_have_text(list(PAYLOADS[1:]))
    await nothing_ran(desk.page)
    screen, phone = await cast.presenter(), await cast.phone()
    for number in (3, 24, 28):
        scene = await stage.session(PAYLOADS[number])
        await desk.take_over(scene.id, scene.ticket)
        await screen.page.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
        await screen.page.reload()
        await phone.join(scene.code)
        for page in (desk.page, screen.page, phone.page):
            await expect(page.locator("header .name")).to_have_text(PAYLOADS[number])
            await expect(page).to_have_title(f"{PAYLOADS[number]} · Plenum")
            await nothing_ran(page)


async def test_nicknames(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Names")
    phone, desk = await cast.phone(), await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    await phone.follow_link(scene.code)
    for payload in NICKNAMES:
        await phone.page.get_by_label("Your name").fill(payload)
        await expect(phone.page.locator("form button")).to_have_text(f"Join as {payload}")
        await scene.join(payload)
    await nothing_ran(phone.page)
    await phone.page.get_by_label("Your name").fill(f"x{NICKNAMES[3][:38]}")
    await phone.page.locator("form button").click()
    await expect(phone.page.locator("main h1")).to_contain_text(NICKNAMES[3][:38])
    await nothing_ran(phone.page)
    await nothing_ran(desk.page)


async def test_questions_options_and_answers(cast: Cast, stage: Stage) -> None:
    """Every payload as a title, a question, an option and somebody's own answer, on the phone, the desk and the big screen."""
    scene = await stage.session("Questions")
    host = await scene.present()
    phone, desk, screen = await cast.phone(), await cast.presenter(), await cast.presenter()
    await phone.join(scene.code, "Eve")
    await desk.take_over(scene.id, scene.ticket)
    await screen.page.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    seat = await scene.join("Mallory")
    everybody = (phone.page, desk.page, screen.page)
    options = [{"id": f"o{i}", "text": payload} for i, payload in enumerate(PAYLOADS)]
    for number, payload in enumerate(PAYLOADS):
        settings = {"question": payload, "options": options, "allow_other": True}
        display = {"title": payload, "instructions": payload, "description": payload}
        wanted = {"type": "poll", "title": payload, "config": {"settings": settings, "display": display}}
        made = await scene.post("/activities", wanted)
        assert made.status_code == 201, made.text
        activity = made.json()["id"]
        await scene.move(activity, "active")
        if number % 8:
            continue
        await put_in_focus(host, activity)
        await phone.sees(payload)
        await expect(phone.page.locator("label.option")).to_have_count(len(PAYLOADS) + 1)
        await expect(screen.page.locator("main h1")).to_have_text(payload)
        await phone.choose("Something else")
        await phone.page.get_by_role("textbox", name="Something else").fill(payload)
        await phone.answer()
        await phone.is_saved()
        assert (await scene.answer(activity, seat, {"selected": ["o3"]})).status_code < 300
        await host.ask("reveal", activity_id=activity)
        await expect(screen.page.locator(".bars li")).to_have_count(len(PAYLOADS) + 1)
        for page in everybody:
            await nothing_ran(page)
    await expect(desk.page.locator(".agenda li")).to_have_count(len(PAYLOADS))
    assert await desk.page.locator(".agenda .title").all_text_contents() == [f"{i + 1}. {each}" for i, each in enumerate(PAYLOADS)]
    for page in everybody:
        await nothing_ran(page)


async def test_open_answers(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Open answers")
    host = await scene.present()
    activity = await scene.add("generic", {"prompt": PAYLOADS[0]}, reveal={"counts": "live", "results": "live"})
    await put_in_focus(host, activity)
    phone, desk = await cast.phone(), await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    await phone.join(scene.code, "Eve")
    for number, payload in enumerate((PAYLOADS[3], json.dumps({payload: payload for payload in PAYLOADS[:20]}))):
        if number:
            await phone.page.get_by_role("button", name="Change my answer").click()
        await phone.page.get_by_label("Your answer").fill(payload)
        await phone.answer()
        await phone.is_saved()
        await nothing_ran(phone.page)
    for payload in PAYLOADS:
        assert (await scene.answer(activity, await scene.join(), {"text": payload})).status_code < 300
    await expect(desk.count).to_have_text(f"{len(PAYLOADS) + 1} answers")
    for page in (phone.page, desk.page):
        await nothing_ran(page)


async def test_addresses(cast: Cast) -> None:
    """What stands in the address bar comes from anybody."""
    cast.watch.expect("status of (400|401|403|404|422)|WebSocket connection to .* failed")
    phone, desk = await cast.phone(), await cast.presenter()
    for payload in PAYLOADS[::4]:
        text = quote(payload, safe="")
        await phone.page.goto(f"{phone.url}/join?x={text}#{text}")
        await expect(phone.page.locator("#code, #nickname")).to_be_visible()  # a code that cannot be one leads to the start page
        await nothing_ran(phone.page)
        await desk.page.goto(f"{desk.url}/present?x={text}#session={text}&ticket={text}")
        await nothing_ran(desk.page)
    await phone.page.goto(f"{phone.url}/join#%E0%A4")  # no text at all
    await expect(phone.page.locator("#code, #nickname")).to_be_visible()
    response = await desk.page.request.get(f"{desk.url}/qr.svg?text={quote(PAYLOADS[5], safe='')}")
    assert "onload" not in await response.text()
    missing = await desk.page.request.get(f"{desk.url}/{quote(PAYLOADS[0], safe='')}")
    assert "text/html" not in missing.headers["content-type"]
