// Names as a reader wants them.
#include <doctest/doctest.h>

#include <string>

#include "symbolizer/demangle.h"

namespace sightline::symbolizer {

TEST_CASE("functions are shown without parameters") {
  CHECK(readable_function("_Z3fooi") == "foo");
  CHECK(readable_function("_ZN2ns5ClassIiE6methodEid") == "ns::Class<int>::method");
  CHECK(readable_function("_ZNK2ns5ClassIiE6methodEid") == "ns::Class<int>::method");
  CHECK(readable_function("_ZNO1A3barEv") == "A::bar");
  CHECK(readable_function("_Z3fooIiEvT_") == "foo<int>");
  CHECK(readable_function("_ZNSt6vectorIiSaIiEE12emplace_backIJiEEERiDpOT_") ==
        "std::vector<int, std::allocator<int> >::emplace_back<int>");
  CHECK(readable_function("_ZN12_GLOBAL__N_13fooEi") == "(anonymous namespace)::foo");
  CHECK(readable_function("_ZN1AC1Ev") == "A::A");
  CHECK(readable_function("_ZN1AD0Ev") == "A::~A");
}

TEST_CASE("operators keep their symbols") {
  CHECK(readable_function("_ZNK1AclEv") == "A::operator()");
  CHECK(readable_function("_ZN1AixEi") == "A::operator[]");
  CHECK(readable_function("_ZN1AltERKS_") == "A::operator<");
  CHECK(readable_function("_ZlsR1AS0_") == "operator<<");
  CHECK(readable_function("_ZlsIiER1AS1_T_") == "operator<< <int>");
  CHECK(readable_function("_ZN1AptEv") == "A::operator->");
  CHECK(readable_function("_ZN1AgtERKS_") == "A::operator>");
  CHECK(readable_function("_ZN1AcvbEv") == "A::operator bool");
  CHECK(readable_function("_ZN1AcvSt6vectorIiSaIiEEEv") == "A::operator std::vector<int, std::allocator<int> >");
  CHECK(readable_function("_ZN1AnwEm") == "A::operator new");
  CHECK(readable_function("_ZNKSt8functionIFviEEclEi") == "std::function<void (int)>::operator()");
}

TEST_CASE("lambdas and local names") {
  CHECK(readable_function("_ZZ4mainENKUlvE_clEv") == "main::{lambda()#1}::operator()");
  CHECK(readable_function("_ZZN2ns1AIiE3runEvENKUlT_E_clIiEEDaS2_") ==
        "ns::A<int>::run::{lambda(auto:1)#1}::operator()<int>");
  CHECK(readable_function("_ZZ3fooiEN5Local3runEv") == "foo::Local::run");
}

TEST_CASE("suffixes of compilers and symbol versions go") {
  CHECK(readable_function("parse.constprop.0") == "parse");
  CHECK(readable_function("parse.part.0.isra.0") == "parse");
  CHECK(readable_function("main.cold") == "main");
  CHECK(readable_function("read@@GLIBC_2.2.5") == "read");
  CHECK(readable_function("_Z3foov.cold") == "foo");
  CHECK(readable_function("_Z3fooi.constprop.0") == "foo");
}

TEST_CASE("what is no C++ name stays as it is") {
  for (const char* name : {"main", "", "_", "_Z", "_Zxyz", "__libc_start_main", "a.b", ".cold", "@x", "operator"}) {
    CHECK(readable_function(name) == name);
  }
}

TEST_CASE("legacy Rust names lose their hash and escapes") {
  CHECK(readable_function("_ZN4core3fmt5write17h0123456789abcdefE") == "core::fmt::write");
  CHECK(readable_function(
            "_ZN58_$LT$alloc..string..String$u20$as$u20$core..fmt..Write$GT$9write_str17h0123456789abcdefE") ==
        "<alloc::string::String as core::fmt::Write>::write_str");
}

TEST_CASE("a name that would expand without end stays mangled") {
  // Each A<x,x> refers twice to the one before it.
  std::string name = "_ZN1BI1AIiiE";
  const std::string digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const char digit : digits) {
    name += "S_I";
    name += std::string("S") + digit + "_S" + digit + "_E";
  }
  name += "E1fEv";
  CHECK(readable_function(name) == name);
  CHECK(readable_function("_Z" + std::string(100'000, 'P')) == "_Z" + std::string(100'000, 'P'));
}

TEST_CASE("demangled text that does not follow the rules is kept") {
  CHECK(without_parameters("void (*foo<int>(int))(double)") == "void (*foo<int>(int))(double)");
  CHECK(without_parameters("foo(int") == "foo(int");
  CHECK(without_parameters("foo)") == "foo)");
  CHECK(without_parameters("a<b") == "a<b");
  CHECK(without_parameters("") == "");
  CHECK(without_parameters("non-virtual thunk to A::f(int)") == "A::f");
  CHECK(without_parameters("f<(char)60>(int)") == "f<(char)60>");
  CHECK(without_parameters("f[abi:cxx11](int) const") == "f[abi:cxx11]");
}

}  // namespace sightline::symbolizer
