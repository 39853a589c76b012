"""Two kinds of task: one that computes, and one that waits."""

import json

import orthanc
import requests

COUNT = 4_000_000  # square numbers
token = orthanc.GenerateRestApiAuthorizationToken()
configuration = json.loads(orthanc.GetConfiguration())
scheme = "https" if configuration.get("SslEnabled") else "http"
slow_url = f"{scheme}://127.0.0.1:{configuration.get('HttpPort', 8042)}/slow"


# region tasks
def compute() -> None:
    """Adds up square numbers. Only the thread that has the GIL can run."""
    sum(number * number for number in range(COUNT))


def ask() -> None:
    """Asks a slow server. A thread that waits for a socket frees the GIL."""
    headers = {"Authorization": token}
    with requests.Session() as session:
        session.trust_env = False  # Otherwise a proxy would see the token.
        # Seconds without a byte: a server that sends some may take longer.
        answer = session.get(slow_url, headers=headers, timeout=10)
    answer.raise_for_status()


# endregion
