"""Cat Naps: a small API, and the page for it that Node has built."""

import os
import random
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
# The image has the page in `static`, where the step puts it; `npm run build` leaves it in `frontend/dist`.
PAGE = next((folder for folder in [HERE / "static", HERE / "frontend/dist"] if folder.is_dir()), None)
PLACES = ["in a cardboard box", "in the sun", "on the keyboard", "on the top shelf", "under the bed"]


class Page(StaticFiles):
    """Files that browsers do not keep.

    In a reproducible image every file has the same time, so a browser that asks by it whether a file has changed is
    told that it has not.
    """

    def file_response(self, *args, **kwargs) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-store"
        return response


async def nap(request: Request) -> JSONResponse:
    return JSONResponse({"place": random.choice(PLACES), "minutes": random.randint(3, 240)})


if PAGE is None:
    raise SystemExit("there is no page: run `npm ci && npm run build` in `frontend`")
app = Starlette(routes=[Route("/api/nap", nap), Mount("/", Page(directory=PAGE, html=True))])

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8000")))
