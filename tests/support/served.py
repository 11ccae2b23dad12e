"""Plain HTTP requests to a vault that a tunnel serves, past restic."""

import base64
import urllib.error
import urllib.request

from lifeboat.vault_tunnel import Served


def request(
    served: Served, method: str, path: str, content: bytes | None = None, *, password: str | None = None
) -> int:
    """Make a request to a served vault and return the status of its answer."""
    login = f"{served.login}:{served.password if password is None else password}"
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    url = f"http://127.0.0.1:{served.port}/{path}"
    try:
        made = urllib.request.Request(url, data=content, method=method, headers=headers)
        with urllib.request.urlopen(made, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
