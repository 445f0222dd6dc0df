# Bursar's server and command line.
#
#   docker build -t bursar .
#   docker run -v bursar-data:/data -v ./operator.token:/run/secrets/operator.token:ro \
#     -p 50051:50051 -p 8080:8080 bursar --operator-token-file /run/secrets/operator.token
#
# The server refuses to start without a credential; deploy/README.md has the whole setup with TLS.

FROM debian:bookworm-slim AS build
WORKDIR /source
COPY scripts/setup scripts/setup
RUN ./scripts/setup --for build
COPY . .
RUN cmake --preset release -DBURSAR_BUILD_TESTS=OFF \
 && cmake --build build/release \
 && DESTDIR=/stage cmake --install build/release --prefix /usr/local --strip

FROM debian:bookworm-slim
COPY --from=build /source/scripts/setup /opt/bursar/scripts/setup
RUN /opt/bursar/scripts/setup --for runtime \
 && rm -rf /opt/bursar /var/lib/apt/lists/* /var/cache/apt/*.bin \
 && useradd --system --uid 10001 --user-group --home-dir /data --no-create-home bursar \
 && install -d -o bursar -g bursar -m 0700 /data
COPY --from=build /stage/usr/local/bin/bursard /stage/usr/local/bin/bursar \
  /stage/usr/local/bin/bursar-ledger /usr/local/bin/
COPY LICENSE /usr/share/doc/bursar/LICENSE

USER bursar
VOLUME /data
EXPOSE 50051 8080
# Settings may also be given as BURSAR_… variables; `bursard --help` lists them all.
ENV BURSAR_DATA=/data \
    BURSAR_LISTEN=0.0.0.0:50051 \
    BURSAR_HTTP_LISTEN=0.0.0.0:8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["bursar", "health"]
ENTRYPOINT ["bursard"]
