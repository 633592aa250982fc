import httpx
import pytest
from fastapi.testclient import TestClient

import main


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setenv("FORTUNE_EXEC", "echo")
    with TestClient(main.app) as client:
        yield client


def answer_with(client, handler):
    client.app.state.client = httpx.AsyncClient(
        base_url="http://cats.example", transport=httpx.MockTransport(handler)
    )


def test_the_picture_is_passed_on(client):
    def picture(request):
        assert request.url.path == "/cat/cute/says/-s"
        assert dict(request.url.params) == {"html": "true", "fontSize": "22"}
        return httpx.Response(200, content=b"<img>", headers={"content-type": "text/html"})

    answer_with(client, picture)
    response = client.get("/cat")
    assert (response.status_code, response.content) == (200, b"<img>")
    assert response.headers["content-type"].startswith("text/html")


def test_an_unreachable_service_is_a_bad_gateway(client):
    def refuse(request):
        raise httpx.ConnectError("connection refused")

    answer_with(client, refuse)
    response = client.get("/cat")
    assert response.status_code == 502
    assert "connection refused" in response.json()["detail"]


def test_health(client):
    assert client.get("/healthz").json() == {"status": "ok"}
