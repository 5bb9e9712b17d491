// The one main() of the unit-test programs: each links this, doctest, and the one room it tests.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
