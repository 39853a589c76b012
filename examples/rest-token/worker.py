"""Asks Orthanc's REST API in worker processes, by token."""

import requests


# region worker
def prepare(url: str, token: str) -> None:
    """Readies a worker: its session keeps a connection open between calls."""
    global session, orthanc_url
    orthanc_url = url
    session = requests.Session()
    # Otherwise a proxy would see the token, and a .netrc file replace it.
    session.trust_env = False
    session.headers["Authorization"] = token


def list_instances() -> list:
    """The ids of all instances, sorted. Raises requests.RequestException."""
    answer = session.get(f"{orthanc_url}/instances", timeout=10)
    answer.raise_for_status()
    return sorted(answer.json())


# endregion
