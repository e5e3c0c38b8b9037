"""The endpoint's web server against callers that mean harm: each is answered in words or cut off, and others are served."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.endpoints import deadline, server
from core.endpoints.folder import EndpointFolder
from core.endpoints.handler import inference

TOKEN = "the-token"
KNOWN = f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"


class Model:
    def embed(self, texts: list[str]) -> list[list[float]]:
        if "panic" in texts:
            raise Panic("as a library in Rust does")
        return [[float(len(text)), 1.0] for text in texts]


class Panic(BaseException):
    pass


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    """Where a real server listens, whose patience is short."""
    patience = pytest.MonkeyPatch()
    patience.setattr(deadline, "HEAD_SECONDS", 0.6)
    patience.setattr(deadline, "REQUEST_SECONDS", 1.5)
    patience.setattr(deadline, "LOOK_SECONDS", 0.05)
    patience.setattr(server, "_RECEIVE_SECONDS", 0.5)
    folder = EndpointFolder(tmp_path_factory.mktemp("endpoint"))
    running = server.web_server(server.Service(folder, TOKEN, inference, Model()))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # calls that come before it has started wait
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        running.should_exit = True
        thread.join()
    patience.undo()


def send(port: int, raw: bytes, *later: bytes) -> bytes:
    """All that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
        caller.sendall(raw)
        for piece in later:
            caller.sendall(piece)
        parts = []
        try:
            while part := caller.recv(1 << 16):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)


def ask(port: int, body: bytes) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/invocations", body, {"Authorization": f"Bearer {TOKEN}"})
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def is_well(port: int) -> bool:
    return ask(port, b'{"inputs": "abc"}') == (200, {"vectors": [3.0, 1.0]})


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"1e999", b"[" * 3_000_000, b'{"inputs":' * 300_000, b'{"inputs": {}}', b'{"inputs": null}',
    b'{"inputs": [["a"]]}', b'{"inputs": [null]}', b'{"inputs": 1}', b'{"inputs": true}', b"\xff\xfe\x00", b'{"inputs": "\xff"}',
    b'{"inputs": ' + b"1" * 5_000 + b"}", json.dumps({"inputs": ["a"] * 513}).encode(), b'{"inputs": "' + b"a" * 100_001 + b'"}',
], ids=range(18))
def test_what_is_no_list_of_texts_is_refused_in_words(port, body):
    status, answer = ask(port, body)
    assert status == answer["code"] == 400 and answer["message"].endswith(".") and len(answer["message"]) < 300
    assert is_well(port)


@pytest.mark.parametrize("text", ["\0", "\ud800", "<script>", "a" * 100_000, "", "\u202e"])
def test_any_text_is_a_text(port, text):
    status, answer = ask(port, json.dumps({"inputs": [text]}).encode())
    assert (status, answer) == (200, {"vectors": [[len(text), 1.0]]})


def test_a_large_body_is_refused_before_it_is_sent(port):
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\n{KNOWN}Content-Length: 10000000000\r\n\r\n"
    answer = send(port, head.encode())
    assert answer.startswith(b"HTTP/1.1 413") and b"at most 6 MB" in answer


def test_a_large_body_in_chunks_is_refused_as_soon_as_it_is_too_large(port):
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\n{KNOWN}Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    answer = send(port, head.encode(), *[chunk] * 7)
    assert answer.startswith(b"HTTP/1.1 413") and b"at most 6 MB" in answer


@pytest.mark.parametrize("raw", [
    b"", b"POST /invo", b"POST /invocations HTTP/1.1\r\nHost: x\r\nX-Slow: ",
], ids=["nothing", "half a line", "half a head"])
def test_a_head_that_does_not_arrive_is_not_waited_for(port, raw):
    assert send(port, raw) == b""


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
        stop = threading.Event()
        with pytest.raises(OSError):
            caller.sendall(b"POST /invocations HTTP/1.1\r\nX-Slow: ")
            for _ in range(600):
                caller.sendall(b"a")
                stop.wait(0.05)
    assert is_well(port)


def test_a_body_that_does_not_arrive_is_told_and_cut_off(port):
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\n{KNOWN}Content-Length: 100\r\n\r\n{{"
    answer = send(port, head.encode())
    assert answer.startswith(b"HTTP/1.1 408") and b"did not arrive" in answer


def test_who_sends_on_without_the_token_is_cut_off(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
        caller.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 6000000\r\n\r\n")
        assert caller.recv(1 << 16).startswith(b"HTTP/1.1 401")
        stop = threading.Event()
        with pytest.raises(OSError):
            for _ in range(600):
                caller.sendall(b"a")
                stop.wait(0.05)


def test_who_does_not_read_the_answers_is_cut_off(port):
    body = json.dumps({"inputs": [str(number) for number in range(512)]})
    one = f"POST /invocations HTTP/1.1\r\nHost: x\r\n{KNOWN}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.settimeout(30)
        caller.connect(("127.0.0.1", port))
        with pytest.raises(OSError):
            for _ in range(100_000):  # each is answered into a buffer that nobody empties, until it is full
                caller.sendall(one)
    assert is_well(port)


def test_requests_that_come_in_one_piece_are_answered_in_turn(port):
    def one(text: str, close: str = "") -> bytes:
        body = json.dumps({"inputs": text})
        return f"POST /invocations HTTP/1.1\r\nHost: x\r\n{KNOWN}{close}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    answer = send(port, one("a") + one("bb") + one("ccc", "Connection: close\r\n"))
    assert [piece.split(b"}")[0] for piece in answer.split(b'{"vectors": ')[1:]] == [b"[1.0, 1.0]", b"[2.0, 1.0]", b"[3.0, 1.0]"]


@pytest.mark.parametrize("raw", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /ping HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000, b"GET / HTTP/9.9\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=range(7))
def test_what_is_no_http_is_refused(port, raw):
    answer = send(port, raw)
    assert answer == b"" or answer.split(b" ")[1] in (b"400", b"401", b"404")
    assert is_well(port)


def test_a_model_that_panics_ends_its_request_alone(port):
    assert ask(port, b'{"inputs": "panic"}')[0] == 500
    assert is_well(port)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["inputs", "a"]), inner, max_size=2), max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_the_handler_takes_texts_and_refuses_all_else(body):
    try:
        inputs = inference.input_fn(body)["inputs"]
    except inference.BadRequest as error:
        assert error.status_code == 400 and str(error)
    else:
        assert isinstance(inputs, str) or (inputs and all(isinstance(text, str) for text in inputs))
