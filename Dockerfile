# One image for everything: `manage.py serve` by default, `manage.py migrate` for a new version's tables. It needs
# settings to start: SECRET_KEY, ALLOWED_HOSTS, DATABASE_URL and, for several workers, REDIS_URL (docs/deploy.md).

FROM node:24-trixie-slim AS browser
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM python:3.13-slim-trixie AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY manage.py ./
COPY accounts accounts
COPY chat chat
COPY config config
COPY --from=browser /app/node_modules node_modules
# What `serve` would do at its start, so that it finds it done and the files may be read-only.
RUN SECRET_KEY=signs-nothing DJANGO_SETTINGS_MODULE=config.settings .venv/bin/python -c \
    "import django; django.setup(); from config import static; static.collect()" \
    && .venv/bin/python -m compileall -q accounts chat config

FROM python:3.13-slim-trixie
WORKDIR /app
COPY --from=build /app ./
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000
# A number and no name, so that Kubernetes can see that it is not root. It owns nothing here.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s \
    CMD ["python", "-c", "import os, urllib.request as http; http.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
CMD ["python", "manage.py", "serve"]
