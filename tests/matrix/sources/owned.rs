// Rust: calls through the standard library, from closures, generics, traits, threads and drops. See calls.c for the marks.
use std::fs::File;

trait Look {
    fn look(&self, name: &str) -> bool;
}

struct Shop;

impl Look for Shop {
    #[inline(never)]
    fn look(&self, name: &str) -> bool {
        File::open(name).is_ok() // EXPECT trait STACK look main
    }
}

#[inline(never)]
fn plain() -> bool {
    let file = File::open("/matrix/plain"); // EXPECT plain STACK plain main
    file.is_ok()
}

#[inline(never)]
fn generic<T: AsRef<std::path::Path>>(name: T) -> bool {
    let file = File::open(name); // EXPECT generic STACK generic main
    file.is_ok()
}

#[inline(never)]
fn apply<F: FnMut() -> bool>(mut f: F) -> bool {
    f() && std::hint::black_box(true)
}

struct Guard;

impl Drop for Guard {
    #[inline(never)]
    fn drop(&mut self) {
        let file = File::open("/matrix/drop"); // EXPECT drop STACK drop
        std::hint::black_box(file.is_ok());
    }
}

#[inline(never)]
fn panics(really: bool) {
    let _guard = Guard;
    if really {
        panic!("expected");
    }
}

#[inline(always)]
fn inlined(name: &str) -> bool {
    let file = File::open(name); // EXPECT inlined STACK inlined around main
    file.is_ok()
}

#[inline(never)]
fn around() -> bool {
    inlined("/matrix/inlined") && std::hint::black_box(true)
}

fn main() {
    // First, since how much of the stack is copied at open() is learned from the calls before.
    std::panic::set_hook(Box::new(|_| {}));
    let _ = std::panic::catch_unwind(|| panics(std::hint::black_box(true)));
    let mut found = plain();
    let shop: Box<dyn Look> = std::hint::black_box(Box::new(Shop));
    found |= shop.look("/matrix/trait");
    found |= generic(String::from("/matrix/generic"));
    found |= apply(|| {
        let file = File::open("/matrix/closure"); // EXPECT closure STACK apply main
        file.is_ok()
    });
    found |= around();
    let thread = std::thread::spawn(|| {
        let file = File::open("/matrix/thread"); // EXPECT thread
        file.is_ok()
    });
    found |= thread.join().unwrap();
    found |= ["/matrix/iterator"].iter().any(|name| {
        let file = File::open(name); // EXPECT iterator STACK main
        file.is_ok()
    });
    std::hint::black_box(found);
}
