"""Secrets in clear text are named by their places and never shown."""

import json

from lifeboat.wso2.identity import UPDATES_2_FILE
from lifeboat.wso2.known_secrets import REFERENCES_FILE, redacted, secret_warnings

SECRET = "0123456789abcdef-token"
STATE = {
    "username": SECRET,
    "update-level": "8",
    "channel": "full",
    "service": {
        "url": "https://api.example",
        "token-url": "https://token.example",
        "app-key": SECRET,
        "access-token": SECRET,
        "refresh-token": "",
    },
    "services": {"wso2": {"enabled": True, "access-token": SECRET}},
}
REFERENCES = f"#Tue Nov 24 10:00:00 UTC 2026\nenv\\:DB_PASSWORD={SECRET}\nhost : {SECRET}\n{SECRET}\n".encode()
FILES = {UPDATES_2_FILE: json.dumps(STATE).encode(), REFERENCES_FILE: REFERENCES}


def test_warnings_name_the_file_and_the_names():
    warnings = secret_warnings(FILES.get)
    assert len(warnings) == 2
    assert warnings[0].startswith(
        "updates/config.json holds secrets in clear text "
        "(service.access-token, service.app-key, services.wso2.access-token, username). "
    )
    assert warnings[1].startswith(f"{REFERENCES_FILE} holds secrets in clear text (env:DB_PASSWORD, host). ")
    assert SECRET not in "".join(warnings)


def test_nothing_is_said_of_homes_without_secrets():
    bare = {"update-level": "8", "service": {"token-url": "https://token.example", "access-token": ""}}
    assert secret_warnings({UPDATES_2_FILE: json.dumps(bare).encode(), REFERENCES_FILE: b"#a date\n"}.get) == []
    assert secret_warnings({}.get) == []


def test_what_is_shown_has_no_value():
    shown = json.loads(redacted(UPDATES_2_FILE, FILES[UPDATES_2_FILE]))
    assert (shown["update-level"], shown["service"]["token-url"]) == ("8", "https://token.example")
    assert shown["service"]["access-token"] == "(hidden)"
    assert redacted(REFERENCES_FILE, REFERENCES).splitlines() == [
        "#Tue Nov 24 10:00:00 UTC 2026",
        "env\\:DB_PASSWORD=(hidden)",
        "host=(hidden)",
        "(hidden)",
    ]
    assert redacted(REFERENCES_FILE, b"password=abc\\\n  def=ghi\n") == "password=(hidden)"
    assert redacted(UPDATES_2_FILE, SECRET.encode()) == "(hidden)"
    assert redacted("bin/version.txt", b"WSO2 API Manager v4.5.0") == "WSO2 API Manager v4.5.0"
    assert SECRET not in str(shown) + redacted(REFERENCES_FILE, REFERENCES)
