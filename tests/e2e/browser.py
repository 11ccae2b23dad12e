"""Airflow's pages in a real browser, used as a person uses them: by what is written on them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
#: No graphics card, no calls home; the rest that tests need is Playwright's own default, with a new profile each time.
ARGUMENTS = ["--disable-gpu", "--disable-quic"]
#: How long a page may take on a busy machine.
PATIENCE_MS = 60_000
#: A directory for pictures of the pages; none are taken without it.
PICTURES = "LIFEBOAT_SCREENSHOTS"


class Pages:
    """The pages of the Airflow at `url`, in one window."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def log_in(self, username: str, password: str) -> None:
        self.page.goto(self.url)
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("link", name="Dags", exact=True).wait_for()

    def open_form(self, dag_id: str) -> Locator:
        """Open a DAG's page and, there, its trigger form; return that."""
        self.page.goto(f"{self.url}/dags/{dag_id}")
        self.page.get_by_role("button", name="Trigger Dag").click()
        form = self.page.get_by_role("dialog")
        form.locator("[name=element_reason]").wait_for()
        return form

    def choose(self, form: Locator, *values: str) -> None:
        """Choose values in the only field of a form that offers some."""
        field = form.get_by_role("combobox")
        for value in values:
            field.fill(value)
            self.page.get_by_role("option", name=value, exact=True).click()

    def trigger(self, form: Locator) -> str:
        """Start a run with what is in the form, and return its id, as its page shows it."""
        form.get_by_role("button", name="Trigger", exact=True).click()
        self.page.wait_for_url("**/runs/*")
        return self.page.get_by_role("heading", name="manual__").inner_text()

    def open_required_action(self, dag_id: str, task: str) -> str:
        """Go from a DAG's page to the task that waits for a person, and return what is written there."""
        self.page.goto(f"{self.url}/dags/{dag_id}")
        self.page.get_by_role("button", name="Required Actions").click()
        self.page.get_by_role("dialog").get_by_role("link", name=task, exact=True).click()
        self.page.wait_for_url(f"**/tasks/{task}/required_actions")
        self.page.reload()  # on a busy machine the page of before may stay under the new address
        self.page.get_by_role("button", name="Approve", exact=True).wait_for()
        expect(self.page.locator("body")).to_contain_text("Reject: nothing happens.")
        return self.page.locator("body").inner_text()

    def answer(self, option: str) -> None:
        self.page.get_by_role("button", name=option, exact=True).click()
        expect(self.page.get_by_text("response successful")).to_be_visible()

    def open_task(self, dag_id: str, run_id: str, task: str) -> None:
        """Open the log of a task."""
        self.page.goto(f"{self.url}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task}")

    def picture(self, name: str, height: int = 900, expanded: bool = False) -> None:
        """Take a picture of the window for the documentation, if pictures are wanted, perhaps with every task in the
        grid."""
        if directory := os.environ.get(PICTURES):
            if expanded:
                self.page.get_by_role("button", name="Expand all task groups").click()
            self.page.set_viewport_size({"width": 1280, "height": height})
            self.page.wait_for_timeout(1500)  # until nothing moves any more
            self.page.screenshot(path=Path(directory) / f"{name}.png")


@contextmanager
def browser(url: str) -> Iterator[Pages]:
    """Yield the pages of an Airflow in a new browser."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False, args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        yield Pages(page, url)
        chromium.close()
