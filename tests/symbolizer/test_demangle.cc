// Names as a reader wants them.
#include <doctest/doctest.h>

#include <string>
#include <utility>

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

TEST_CASE("Rust's second scheme") {
  // Some of these are the RFC's own examples.
  const std::pair<const char*, const char*> kNames[] = {
      {"_RNvC6_123foo3bar", "123foo::bar"},
      {"_RNvCs15kBYyAo9fc_7mycrate7example", "mycrate::example"},
      {"_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y", "utf8_idents::საჭმელად_გემრიელი_სადილი"},
      {"_RNvC1au3nda", "a::\u00f6"},
      {"_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}"},
      {"_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7"
       "memrchrs_0E0Bb_",
       "<core::slice::Iter<u8> as "
       "core::iter::iterator::Iterator>::rposition::<core::slice::memchr::memrchr::{closure#1}>"
       "::{closure#0}"},
      {"_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std",
       "alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>"},
      {"_RINtC8arrayvec8ArrayVechKj7b_E", "arrayvec::ArrayVec::<u8, 123>"},
      {"_RMCs4fqI2P2rA04_13const_genericINtB0_6SignedKsn98_E", "<const_generic::Signed<-152>>"},
      {"_RMCs4fqI2P2rA04_13const_genericINtB0_4BoolKb1_E", "<const_generic::Bool<true>>"},
      {"_RMCs4fqI2P2rA04_13const_genericINtB0_4CharKc2202_E", "<const_generic::Char<'\u2202'>>"},
      {"_RMC1aINtB0_4CharKca_E", "<a::Char<'\\n'>>"},
      {"_RMC1aINtB0_3BigKo10000000000000000_E", "<a::Big<0x10000000000000000>>"},
      {"_RNvNvMCs4fqI2P2rA04_13const_genericINtB4_3FooKpE3foo3FOO", "<const_generic::Foo<_>>::foo::FOO"},
      {"_RNvXs5_NtCs1_3std2ioNtB5_6StdoutNtB5_5Write5write", "<std::io::Stdout as std::io::Write>::write"},
      {"_RNvYNtC1a1SNtB4_1T1f", "<a::S as a::T>::f"},
      {"_RINvC1a1bFUKCjhEyE", "a::b::<unsafe extern \"C\" fn(usize, u8) -> u64>"},
      {"_RINvC1a1bFK7stdcalluEuE", "a::b::<extern \"stdcall\" fn(())>"},
      {"_RINvC1a1bFG_RL0_hEuE", "a::b::<for<'a> fn(&'a u8)>"},
      {"_RINvC1a1bTlmEThETEAbj4_ShE", "a::b::<(i32, u32), (u8,), (), [bool; 4], [u8]>"},
      {"_RINvC1a1bPhOhRhQhL_E", "a::b::<*const u8, *mut u8, &u8, &mut u8, '_>"},
      {"_RINvC1a1bDNtB2_1TNtB2_1UEL_E", "a::b::<dyn a::T + a::U>"},
      {"_RNSC1a4call", "a::{shim:call#0}"},
      {"_RINvC1a1bKRe616263_KVNtB2_1SUE", "a::b::<{\"abc\"}, {a::S}>"},
      {"_RNvC1a1f.llvm.1234", "a::f"},
      {"_RNvC1a1fC1b", "a::f"},
  };
  for (const auto& [mangled, readable] : kNames) CHECK(readable_function(mangled) == readable);
}

TEST_CASE("what does not follow the grammar of Rust's second scheme stays as it is") {
  const std::string deep = "_RINvC1a1b" + std::string(1000, 'S') + "hE";
  const std::string wide = "_RINvC1a1b" + std::string(3000, 'h');
  std::string doubling = "_RINvC1a1bTuuE";  // each pair refers twice to the one before it
  const std::string digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::size_t last = 8;
  for (int i = 0; i < 40 && last < 62; ++i) {
    const std::string reference = std::string("B") + digits[last - 1] + "_";
    last = doubling.size() - 2;
    doubling += "T" + reference + reference + "E";
  }
  doubling += "E";
  for (const std::string& name :
       {std::string("_R"), std::string("_RC"), std::string("_R1NvC1a1b"), std::string("_RNvC1a5b"),
        std::string("_RNvC1a1bX"), std::string("_RB_"), std::string("_RNvB_1a"), std::string("_RNvC1aB9_"),
        std::string("_RINvC1a1bL0_E"), std::string("_RINvC1a1bKb2_E"), std::string("_RINvC1a1bKcd800_E"),
        std::string("_RNvC1au2_-"), std::string("_RNvC99999999999999999999999a1b"),
        std::string("_RNvCsZZZZZZZZZZZZZZZ_1a1b"), deep, wide}) {
    CHECK(readable_function(name) == name);
  }
  CHECK(readable_function(doubling).size() < 5000);
  // Cut anywhere, it is either whole or refused.
  const std::string whole = "_RNvXs5_NtCs1_3std2ioNtB5_6StdoutNtB5_5Write5write";
  for (std::size_t i = 2; i < whole.size(); ++i)
    CHECK(readable_function(whole.substr(0, i)).find(' ') == std::string::npos);
}

TEST_CASE("names of Go and Fortran are left alone") {
  for (const char* name : {"main.(*shop).look", "main.main.func1", "__store_MOD_plain", "github.com/me/x.Run[...]"}) {
    CHECK(readable_function(name) == name);
  }
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
