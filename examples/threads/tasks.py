"""Two kinds of task: one that computes, and one that waits."""

import json

import orthanc
import requests

COUNT = 4_000_000  # square numbers
token = orthanc.GenerateRestApiAuthorizationToken()
port = json.loads(orthanc.GetConfiguration()).get("HttpPort", 8042)
slow_url = f"http://127.0.0.1:{port}/slow"


# region tasks
def compute() -> None:
    """Adds up square numbers. Only the thread that has the GIL can run."""
    sum(number * number for number in range(COUNT))


def ask() -> None:
    """Asks a slow server. A thread that waits for a socket frees the GIL."""
    headers = {"Authorization": token}
    requests.get(slow_url, headers=headers, timeout=10).raise_for_status()


# endregion
