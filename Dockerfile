# One image for every role: docker run perennial up | ingest | score | serve | clickhouse | topics create | …
#
#   docker build -t perennial .                          # with the embedded ClickHouse
#   docker build -t perennial-roles --target roles .     # without it, some 600 MB smaller: for roles that use a server
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json tsconfig.build.json buf.yaml buf.gen.yaml buf.gen.wire.yaml ./
COPY scripts scripts
COPY proto proto
COPY src src
RUN node scripts/prepare.mjs

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# Not npm ci: docs/adr/0006-npm-install-no-save.md
RUN npm install --omit=dev --no-save --no-audit --no-fund --loglevel=error

FROM packages AS packages-of-roles
# The engine of the embedded ClickHouse is the optional part of the package chdb.
RUN rm -rf node_modules/@chdb

FROM node:24-slim AS base
# As process 1 it passes signals on and takes leave of orphans.
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
# In a container nobody reaches 127.0.0.1 from outside. gRPC on a public address asks for TLS and PERENNIAL_ACCESS, or --insecure.
ENV NODE_ENV=production PERENNIAL_DATA=/data PERENNIAL_HTTP=0.0.0.0:9464 PERENNIAL_GRPC=0.0.0.0:50051 PERENNIAL_DRAIN_MS=5000
WORKDIR /app
COPY package.json LICENSE ./
COPY bin bin
COPY proto proto
COPY scoring scoring
COPY rules rules
COPY templates templates
COPY schema schema
COPY --from=build /app/dist dist
RUN install -d -o node -g node /data
# By number, so that an orchestrator can tell that it is not root. Nothing is written but /data and /tmp: the root may be read-only.
USER 1000:1000
VOLUME /data
EXPOSE 50051 9464 8123
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "bin/healthcheck.mjs"]
ENTRYPOINT ["tini", "--", "node", "--max-semi-space-size=64", "bin/perennial.mjs"]
CMD ["up"]

FROM base AS roles
COPY --from=packages-of-roles /app/node_modules node_modules

FROM base
COPY --from=packages /app/node_modules node_modules
