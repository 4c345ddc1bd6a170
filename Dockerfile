# One image for every role: docker run perennial up | ingest | score | serve | topics create | …
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json tsconfig.build.json buf.yaml buf.gen.yaml ./
COPY scripts scripts
COPY proto proto
COPY src src
RUN node scripts/prepare.mjs

FROM node:20-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# Not npm ci: docs/adr/0006-npm-install-no-save.md
RUN npm install --omit=dev --no-save --no-audit --no-fund --loglevel=error

FROM node:20-slim
ENV NODE_ENV=production PERENNIAL_DATA=/data
WORKDIR /app
COPY package.json LICENSE ./
COPY bin bin
COPY proto proto
COPY scoring scoring
COPY rules rules
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
RUN install -d -o node -g node /data
USER node
VOLUME /data
EXPOSE 50051 9464
# Every role serves /readyz at PERENNIAL_HTTP.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=64", "bin/perennial.mjs"]
CMD ["up"]
