# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chromium without a window, as a person's browser."""

import contextlib
import os
import tempfile

import selenium.webdriver
from selenium.common.exceptions import SessionNotCreatedException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


def start(options, tries=3):
    """A busy machine may take longer than the driver waits for the browser's first word."""
    for left in reversed(range(tries)):
        try:
            return selenium.webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        except SessionNotCreatedException:
            if not left:
                raise


@contextlib.contextmanager
def chromium(*flags):
    with tempfile.TemporaryDirectory() as profile:
        options = selenium.webdriver.ChromeOptions()
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
                     "--disable-component-update", "--no-first-run", f"--user-data-dir={profile}", "--lang=en", *flags):
            options.add_argument(flag)
        os.environ["HOME"] = profile
        driver = start(options)
        driver.set_page_load_timeout(30)
        driver.set_script_timeout(30)
        try:
            yield driver
        finally:
            driver.quit()


def wait(driver, probe, seconds=60):
    return WebDriverWait(driver, seconds, ignored_exceptions=[WebDriverException]).until(lambda _: probe())


def fill_in(driver, user, password):
    field = driver.find_element(By.CSS_SELECTOR, "input[name=password]")
    name = driver.find_element(By.CSS_SELECTOR, "form input[type=text]")
    name.clear()
    name.send_keys(user)
    field.send_keys(password)
    driver.find_element(By.CSS_SELECTOR, "form [type=submit]").click()
