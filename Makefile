# dl.h is one header: there is nothing to build but examples, tests and benches.  GNU make.
PREFIX     = /usr/local
INCLUDEDIR = $(PREFIX)/include
DATADIR    = $(PREFIX)/share

help:
	@echo 'make run [DATA=DIR]      train a digit classifier; DIR: where the MNIST files are, else digits drawn by code'
	@echo 'make test [T=NAME]       everything a change must pass, or the tests called NAME'
	@echo 'make test-all            the slow sweeps as well'
	@echo 'make bench [B=NAME]      all benches, or one'
	@echo 'make examples            every example, by its own cc line, run with --quick'
	@echo 'make check               lints: format, API against tests, versions'
	@echo 'make install, uninstall  header and pkg-config file; PREFIX=$(PREFIX) INCLUDEDIR= DESTDIR='
	@echo 'make clean               remove build/'

# -fopenmp, if the compiler can link it
OPENMP = $(shell mkdir -p build && echo 'int main(void) { return 0; }' > build/openmp.c && \
                 $(CC) -fopenmp build/openmp.c -o build/openmp 2>build/openmp.log && echo -fopenmp)
MNIST  = $(or $(DATA),$(wildcard data/mnist))

run: build/mnist_cnn
	build/mnist_cnn $(if $(MNIST),--data "$(MNIST)")

build/mnist_cnn: examples/mnist_cnn.c dl.h
	@mkdir -p build
	$(CC) -O2 $(OPENMP) examples/mnist_cnn.c -o $@

test:
	@CC="$(CC)" sh tests/run.sh $(T)

test-all:
	@CC="$(CC)" TEST_ALL=1 sh tests/run.sh $(T)

check:
	@sh tests/check.sh

examples:
	@CC="$(CC)" sh tests/run.sh examples/

bench:
	@CC="$(CC)" sh bench/run.sh $(B)

VERSION = $(shell sed -n 's/^.define DL_VERSION_STRING "\(.*\)"/\1/p' dl.h)

install:
	install -d "$(DESTDIR)$(INCLUDEDIR)" "$(DESTDIR)$(DATADIR)/pkgconfig" "$(DESTDIR)$(DATADIR)/doc/dl-h"
	install -m 644 dl.h "$(DESTDIR)$(INCLUDEDIR)/dl.h"
	install -m 644 README.md "$(DESTDIR)$(DATADIR)/doc/dl-h/README.md"
	printf '%s\n' 'includedir=$(INCLUDEDIR)' '' 'Name: dl-h' 'Description: deep learning in one C header' \
	    'Version: $(VERSION)' 'Cflags: -I"$${includedir}"' > "$(DESTDIR)$(DATADIR)/pkgconfig/dl-h.pc"

uninstall:
	rm -f "$(DESTDIR)$(INCLUDEDIR)/dl.h" "$(DESTDIR)$(DATADIR)/pkgconfig/dl-h.pc" "$(DESTDIR)$(DATADIR)/doc/dl-h/README.md"

clean:
	rm -rf build

.PHONY: help run test test-all bench examples check install uninstall clean
