# The service as an image: pinned packages with hashes, an unprivileged user, a root file system that may be read-only.
# docs/deploying.md says how to build and run it.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
# `service-push` adds the senders of push messages: Google's libraries for Firebase Cloud Messaging, gRPC among them.
ARG REQUIREMENTS=service
WORKDIR /src
COPY requirements requirements
# Certificates are the base image's, so that an authority of your own in it counts.
RUN python3 -m venv /opt/tools \
 && /opt/tools/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/tools.txt \
 && python3 -m venv --without-pip /opt/mfa \
 && /opt/tools/bin/uv pip install --no-cache --system-certs --compile-bytecode --python /opt/mfa/bin/python \
      --require-hashes -r "requirements/${REQUIREMENTS}.txt"
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY mobile_stub mobile_stub
COPY mfa_service mfa_service
RUN /opt/tools/bin/python -m hatchling build -t wheel -d /opt/wheel \
 && /opt/tools/bin/uv pip install --no-cache --offline --compile-bytecode --python /opt/mfa/bin/python --no-deps /opt/wheel/*.whl \
 && install -d -o 10001 -g 10001 /opt/instance

FROM ${BASE_IMAGE}
COPY --from=build /opt/mfa /opt/mfa
# Holds the SQLite file and the development key; unused with MFA_DATABASE_URL and MFA_MASTER_KEYS.
COPY --from=build --chown=10001:10001 /opt/instance /srv/mfa/instance
VOLUME /srv/mfa/instance
WORKDIR /srv/mfa
# /dev/shm is writable everywhere, also where the root is read-only: metrics of the workers, gunicorn's heartbeat.
ENV PATH=/opt/mfa/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TMPDIR=/dev/shm
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Asks by no proxy, whatever HTTP_PROXY says.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-I", "-c", \
  "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["mfa"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
ARG REVISION=unknown
LABEL org.opencontainers.image.title="stepup-mfa-service" \
      org.opencontainers.image.description="Step-up authentication: an authorization server asks, a phone answers." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
