# The service: API, worker, or both (MODE). Build from the repository root:
#   docker build -t verbatim .
#   docker run -p 127.0.0.1:3000:3000 -v verbatim-data:/data verbatim
# Without settings it uses the embedded database, keeps audio in /data, and starts a CPU sidecar, for which Python is installed.
# BUN_IMAGE may have a digest: docs/operating.md describes how to find it.
ARG BUN_IMAGE=oven/bun:1.4.5-debian
# hadolint ignore=DL3006
FROM ${BUN_IMAGE} AS packages
WORKDIR /app
COPY package.json bun.lock ./
COPY patches patches
# Installs exactly the versions of the lockfile, or fails. The image has its own Bun.
RUN bun install --frozen-lockfile --production && rm -rf node_modules/bun node_modules/@oven

# hadolint ignore=DL3006
FROM ${BUN_IMAGE}
# Debian has only the latest version of a package, so versions cannot be pinned; the base image's tag pins the release.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home verbatim \
 && install -d -o verbatim /data
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json bunfig.toml tsconfig.json LICENSE NOTICE ./
COPY drizzle drizzle
COPY sidecar sidecar
COPY src src
COPY web web

# All addresses of the container; its network and published ports decide who can reach it.
# As with `npm start`, Bun's allocator returns parts of pages every 30 s. It would do so every second, which is half of
# the processor time at rest.
ENV DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=3000 \
    LOG=json \
    MIMALLOC_PURGE_HOLES_MIN_INTERVAL=30000
USER 10001
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.PORT}/health/live`)).ok ? 0 : 1)"]
# Running spans get ten seconds after SIGTERM; then unfinished ones are handed back to the queue.
STOPSIGNAL SIGTERM
CMD ["bun", "src/main.ts"]
