# Second Responder, with a Redis of its own for when no REDIS_URL is given. See deploy/README.md.
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json tsconfig.build.json ./
COPY tools tools
COPY src src
# It builds.
RUN npm ci

FROM node:20-slim
# ssh: the way to a Windows machine whose PowerShell reaches Exchange (docs/exchange.md).
RUN apt-get update \
 && apt-get install -y --no-install-recommends redis-server openssh-client \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
COPY tools tools
COPY --from=build /app/dist dist
# It uses what was built above.
RUN npm ci --omit=dev && npm cache clean --force
COPY config config
COPY LICENSE ./
# /data holds the private Redis and the lab's world: give it a volume.
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
# It listens for others, and so refuses to start without tokens: SECOND_RESPONDER_HTTP_TOKENS, or a configuration.
ENV NODE_ENV=production \
    SECOND_RESPONDER_HTTP_HOST=0.0.0.0 \
    SECOND_RESPONDER_HTTP_PORT=8080 \
    SECOND_RESPONDER_STORE_DIRECTORY=/data
EXPOSE 8080
# Ready means: able to take alerts in and to act.
HEALTHCHECK --interval=15s --timeout=8s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SECOND_RESPONDER_HTTP_PORT}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
