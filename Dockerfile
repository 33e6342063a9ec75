# SPDX-License-Identifier: Apache-2.0
#
# kaname's image for amd64 and arm64, from one file: the binary, the libraries that it loads, CA certificates, and nothing else.
#     docker build -t kaname:0.1.0 --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
#     buildah build -t kaname:0.1.0 --build-arg VERSION=0.1.0 .
# Runs as a number, so runAsNonRoot is fulfilled; writes nothing, so the root may be read-only. tests/image tries all that.

FROM debian:13-slim AS build
WORKDIR /kaname

# Packages first: changed sources do not install them again.
COPY deploy/packages.sh deploy/
RUN deploy/packages.sh build unit rootfs

COPY meson.build ./
COPY include include
COPY src src
COPY tests tests
RUN meson setup build -Dwerror=true && ninja -C build kaname
# The tests are linked one by one, for which link time optimisation takes longer than all the rest. The suite `lint` reads the whole
# checkout: .ci/run runs it. Of another architecture they run under an emulator, which takes its time.
RUN meson setup build-tests -Dwerror=true -Db_lto=false && meson test -C build-tests -t 10 --no-suite lint --print-errorlogs && \
	rm -rf build-tests

# The root of the image. The loader says itself which libraries it loads, and from where: their paths hold the machine's name.
# - The capability is permitted, not effective: with an effective one the binary would not even start where the container's
#   bounding set lacks it (`drop: [ALL]`). The program makes it effective (base/capability.h).
# - Times are set, so that the same sources give the same image.
ARG SOURCE_DATE_EPOCH=0
RUN mkdir -p /image/etc/ssl/certs && \
	strip -o /image/kaname build/kaname && \
	setcap cap_net_bind_service=p /image/kaname && \
	ldd /image/kaname | grep -o '/[^ ]*' | xargs cp -L --parents -t /image && \
	cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ && \
	find /image -exec touch -h -d "@$SOURCE_DATE_EPOCH" '{}' +

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="kaname" \
	org.opencontainers.image.description="Cluster DNS server for Kubernetes: takes the place of CoreDNS and kube-dns" \
	org.opencontainers.image.licenses="Apache-2.0" \
	org.opencontainers.image.version="$VERSION" \
	org.opencontainers.image.revision="$REVISION"
COPY --from=build /image/ /
WORKDIR /
USER 65532:65532
EXPOSE 53/udp 53/tcp 8080/tcp 8181/tcp 9153/tcp
ENTRYPOINT ["/kaname"]
