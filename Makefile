# dl.h is one header: there is nothing to build but examples, tests and benches.  GNU make.
PREFIX     = /usr/local
INCLUDEDIR = $(PREFIX)/include
DATADIR    = $(PREFIX)/share

help:
	@echo 'make run [DATA=DIR]      train a digit classifier; DIR: where the MNIST files are, else digits drawn by code'
	@echo 'make test [T=NAME]       everything a change must pass, or the tests called NAME'
	@echo 'make test-all            the slow sweeps and fuzzing as well'
	@echo 'make bench [B=NAME]      all benches, or one'
	@echo 'make examples            every example, by its own cc line, run with --quick'
	@echo 'make check               lints: format, API against tests, versions'
	@echo 'make api                 the tables of all functions and of the curriculum: examples/API.md, ROWS.md'
	@echo 'make install, uninstall  header, pkg-config and CMake files; PREFIX=$(PREFIX) INCLUDEDIR= DESTDIR='
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

api:
	@mkdir -p build
	sh tests/api.sh >build/API.md && mv build/API.md examples/API.md
	sh tests/rows.sh >build/ROWS.md && mv build/ROWS.md examples/ROWS.md

examples:
	@CC="$(CC)" sh tests/run.sh examples/

bench:
	@CC="$(CC)" sh bench/run.sh $(B)

VERSION = $(shell sed -n 's/^.define DL_VERSION_STRING "\(.*\)"/\1/p' dl.h)

CMAKEDIR = $(DATADIR)/cmake/dl-h
DOCDIR   = $(DATADIR)/doc/dl-h
PKGDIR   = $(DATADIR)/pkgconfig

install:
	install -d "$(DESTDIR)$(INCLUDEDIR)" "$(DESTDIR)$(PKGDIR)" "$(DESTDIR)$(CMAKEDIR)" "$(DESTDIR)$(DOCDIR)"
	install -m 644 dl.h "$(DESTDIR)$(INCLUDEDIR)/dl.h"
	install -m 644 README.md "$(DESTDIR)$(DOCDIR)/README.md"
	printf '%s\n' 'includedir=$(INCLUDEDIR)' '' 'Name: dl-h' 'Description: deep learning in one C header' \
	    'Version: $(VERSION)' 'Cflags: -I"$${includedir}"' >"$(DESTDIR)$(PKGDIR)/dl-h.pc"
	printf '%s\n' 'if(NOT TARGET dl-h::dl-h)' '  add_library(dl-h::dl-h INTERFACE IMPORTED)' \
	    '  set_target_properties(dl-h::dl-h PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "$(INCLUDEDIR)")' 'endif()' \
	    >"$(DESTDIR)$(CMAKEDIR)/dl-hConfig.cmake"
	printf '%s\n' 'set(PACKAGE_VERSION "$(VERSION)")' 'if(PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)' \
	    '  set(PACKAGE_VERSION_COMPATIBLE FALSE)' 'else()' '  set(PACKAGE_VERSION_COMPATIBLE TRUE)' 'endif()' \
	    'if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)' '  set(PACKAGE_VERSION_EXACT TRUE)' 'endif()' \
	    >"$(DESTDIR)$(CMAKEDIR)/dl-hConfigVersion.cmake"

uninstall:
	rm -f "$(DESTDIR)$(INCLUDEDIR)/dl.h" "$(DESTDIR)$(PKGDIR)/dl-h.pc" "$(DESTDIR)$(DOCDIR)/README.md" \
	    "$(DESTDIR)$(CMAKEDIR)/dl-hConfig.cmake" "$(DESTDIR)$(CMAKEDIR)/dl-hConfigVersion.cmake"

clean:
	rm -rf build

.PHONY: help run test test-all bench examples check api install uninstall clean
