# One image for everything that runs away from here: `spotify-assets daily` by default, the web server and the daemon
# by their own commands. The same steps for amd64 and arm64: every dependency has a wheel for both.
FROM python:3.13-slim AS build
WORKDIR /build
# Without a pip of its own: nothing that installs or compiles is left in it.
RUN python -m venv --without-pip /opt/spotify-assets
COPY requirements.lock setup.cfg pyproject.toml README.md LICENSE ./
COPY spotify_assets spotify_assets
RUN python -m pip --python /opt/spotify-assets install --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --constraint requirements.lock '.[server,alerts,postgres]'

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --home-dir /app --no-log-init spotify-assets
WORKDIR /app
COPY --from=build /opt/spotify-assets /opt/spotify-assets
COPY workspace.yaml ./
COPY examples examples
# What Dagster records, and a lake that is no bucket: the only places that the platform writes to.
COPY --chown=10001:10001 dagster_home/dagster.yaml dagster_home/dagster.yaml
COPY --chown=10001:10001 deploy/dagster deploy/dagster
RUN install -d -o 10001 -g 10001 dagster_home lake
# Two arenas: with one for each of many short-lived threads a process that lives for weeks keeps holes in all of them.
ENV PATH=/opt/spotify-assets/bin:$PATH \
    DAGSTER_HOME=/app/dagster_home \
    MALLOC_ARENA_MAX=2 \
    PYTHONUNBUFFERED=1
USER 10001
CMD ["spotify-assets", "daily"]
