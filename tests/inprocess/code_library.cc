// Loaded and unloaded by code.cc.
asm(".text\n.globl call_and_add\n.type call_and_add,@function\ncall_and_add: mov $110, %edx\n mov %edx, %eax\n "
    "syscall\n"
    " cmp $-4095, %rax\n add %rdi, %rax\n ret\n");
