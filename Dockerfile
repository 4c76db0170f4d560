# The service: API, worker, or both (MODE). Build from the repository root:
#   docker build -t verbatim .
#   docker run -p 127.0.0.1:3000:3000 -v verbatim-data:/data verbatim
# With nothing set it brings its own database, keeps audio in /data and starts a sidecar on the CPU, for which Python is there.
# BUN_IMAGE may name a digest: docs/operating.md says how to find it.
ARG BUN_IMAGE=oven/bun:1.4.5-debian
# hadolint ignore=DL3006
FROM ${BUN_IMAGE} AS packages
WORKDIR /app
COPY package.json bun.lock ./
COPY patches patches
# Exactly what the lockfile names, or the build fails. Bun itself is the image's own.
RUN bun install --frozen-lockfile --production && rm -rf node_modules/bun node_modules/@oven

# hadolint ignore=DL3006
FROM ${BUN_IMAGE}
# Debian keeps no older version of a package to pin; the base image's tag pins its release.
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

# Every address of the container; who reaches it is for its network and published ports to say.
ENV DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=3000 \
    LOG=json
USER 10001
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.PORT}/health/live`)).ok ? 0 : 1)"]
# Spans that run get ten seconds after SIGTERM; what is not done by then is handed back.
STOPSIGNAL SIGTERM
CMD ["bun", "src/main.ts"]
