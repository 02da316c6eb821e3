# SPDX-License-Identifier: MIT
# Two stages: one builds (and, with --build-arg TEST=yes, tests), the other holds the programs and
# the libraries they load. It runs all of Assay as an ordinary user, with its state in one volume.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
ARG TEST=no
WORKDIR /src
COPY packages.txt ./
RUN apt-get update \
    && awk '$1 == "build" { print $2 }' packages.txt \
       | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release \
    && cmake --build --preset release --target assay assay-broker assay-gateway assay-worker \
    && if [ "$TEST" = yes ]; then cmake --build --preset release && ctest --preset release; fi \
    && DESTDIR=/out cmake --install build/release --prefix /usr --strip \
    && rm -rf /out/usr/lib

FROM ${BASE}
ARG VERSION=dev
LABEL org.opencontainers.image.title="Assay" \
      org.opencontainers.image.description="Competition scoring with signed receipts" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
COPY packages.txt /tmp/packages.txt
RUN apt-get update \
    && awk '$1 == "runtime" { print $2 }' /tmp/packages.txt \
       | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/* /var/cache/ldconfig/aux-cache /var/log/apt /var/log/dpkg.log /tmp/packages.txt \
    && groupadd --gid 990 assay \
    && useradd --uid 990 --gid 990 --no-create-home --home-dir /var/lib/assay --shell /usr/sbin/nologin assay \
    && install -d -o assay -g assay -m 0750 /var/lib/assay
COPY --from=build /out /
USER 990:990
ENV ASSAY_URL=http://127.0.0.1:8080
VOLUME /var/lib/assay
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["assay", "health"]
ENTRYPOINT ["/usr/bin/tini", "--", "assay", "up"]
CMD ["--state", "/var/lib/assay", "--listen", "0.0.0.0:8080"]
