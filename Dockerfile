# The service as an image: pinned packages with hashes, an unprivileged user, and a root file system that may be read-only.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
WORKDIR /src
COPY requirements/tools.txt requirements/service.txt requirements/
RUN python3 -m venv /opt/tools \
 && /opt/tools/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/tools.txt \
 && python3 -m venv --without-pip /opt/mfa \
 && /opt/tools/bin/uv pip install --system-certs --no-cache --compile-bytecode --python /opt/mfa/bin/python --require-hashes -r requirements/service.txt
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY mobile_stub mobile_stub
COPY mfa_service mfa_service
RUN /opt/tools/bin/python -m hatchling build -t wheel -d /opt/wheel \
 && /opt/tools/bin/uv pip install --system-certs --no-cache --compile-bytecode --python /opt/mfa/bin/python --no-deps /opt/wheel/*.whl

FROM ${BASE_IMAGE}
COPY --from=build /opt/mfa /opt/mfa
RUN mkdir -p /srv/mfa/instance && chown 10001:10001 /srv/mfa/instance
ENV PATH=/opt/mfa/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/mfa
# Holds the SQLite file and the development key; unused with MFA_DATABASE_URL and MFA_MASTER_KEYS.
VOLUME /srv/mfa/instance
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["mfa", "serve", "--host", "0.0.0.0", "--port", "8000"]
