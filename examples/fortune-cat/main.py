"""Fortune Cat: a picture of a cat that says what your fortune is.

Settings, all from the environment:

FORTUNE_EXEC  the program that prints a fortune (default: fortune)
CAT_API_URL   the base URL of the cat-as-a-service picture API
HOST, PORT    where to listen (default: 0.0.0.0, 8000)
"""

import asyncio
import os
import textwrap
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response

CAT_API_URL = "https://cataas.com"
WIDTH = 40


@asynccontextmanager
async def lifespan(app: FastAPI):
    base_url = os.environ.get("CAT_API_URL", CAT_API_URL)
    async with httpx.AsyncClient(base_url=base_url, timeout=20) as client:
        app.state.client = client
        yield


app = FastAPI(title="Fortune Cat", lifespan=lifespan)


async def fortune() -> str:
    """Runs the fortune program and wraps what it says to a picture's width."""
    program = os.environ.get("FORTUNE_EXEC", "fortune")
    try:
        process = await asyncio.create_subprocess_exec(program, "-s", stdout=asyncio.subprocess.PIPE)
    except OSError as error:
        raise HTTPException(500, f"cannot run {program}: {error.strerror}") from error
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise HTTPException(500, f"{program} ended with status {process.returncode}")
    return "\n".join(textwrap.wrap(said.decode(errors="replace"), WIDTH))


@app.get("/cat")
async def cat(request: Request) -> Response:
    text = quote(await fortune(), safe="")
    try:
        picture = await request.app.state.client.get(
            f"/cat/cute/says/{text}", params={"html": "true", "fontSize": "22"}
        )
        picture.raise_for_status()
    except httpx.HTTPError as error:
        raise HTTPException(502, f"no picture of a cat can be had: {error}") from error
    return Response(picture.content, media_type=picture.headers.get("content-type"))


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8000")))
