# fanout in an image: docker build --tag fanout .
#
# The pipeline file, the state and the output are not in the image: mount them. Secrets come as
# variables or as mounted files:
#
#   docker run --rm -v "$PWD:/work" -e BRAND_SECRET fanout run followers.toml

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# What cargo needs to read the workspace, and the sources of the program. No other file changes the
# image.
COPY Cargo.toml Cargo.lock ./
COPY benches benches
COPY tests/broker tests/broker
COPY tests/object-stores tests/object-stores
COPY examples/postgres examples/postgres
COPY integrations/python/fanout_etl/sink.py integrations/python/fanout_etl/
COPY sinks sinks
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --locked --profile dist --features object-store --bin fanout && cp target/dist/fanout /usr/local/bin/

FROM debian:bookworm-slim
# The certificates that WeChat's is signed with. Not pinned, because an old list would be wrong.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/fanout /usr/local/bin/fanout
# glibc keeps memory for each of many threads: with 200 accounts at once this is a third less.
ENV MALLOC_ARENA_MAX=2
# A number, so that Kubernetes can tell that the user is not root.
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["fanout"]
CMD ["--help"]
