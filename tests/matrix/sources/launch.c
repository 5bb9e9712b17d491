// Runs a program in unusual places. memfd PROGRAM ARG...: from a memfd. chroot DIR PROGRAM ARG...: below DIR.
// mount DIR PROGRAM ARG...: where only a mount namespace of its own has DIR, at /mnt.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char* what) {
  perror(what);
  return 77;
}

int main(int argc, char** argv) {
  if (argc > 2 && strcmp(argv[1], "memfd") == 0) {
    const int from = open(argv[2], O_RDONLY | O_CLOEXEC);
    const int to = memfd_create("program", MFD_CLOEXEC);
    struct stat status;
    if (from < 0 || to < 0 || fstat(from, &status) != 0) return fail(argv[2]);
    if (sendfile(to, from, NULL, (size_t)status.st_size) != status.st_size) return fail("sendfile");
    fexecve(to, argv + 2, environ);
    return fail("fexecve");
  }
  if (argc > 3 && strcmp(argv[1], "chroot") == 0) {
    if (chroot(argv[2]) != 0 || chdir("/") != 0) return fail("chroot");
    execv(argv[3], argv + 3);
    return fail(argv[3]);
  }
  if (argc > 3 && strcmp(argv[1], "mount") == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return fail("unshare");
    if (mount("sightline", "/mnt", "tmpfs", 0, NULL) != 0) return fail("mount");
    char command[4096];
    snprintf(command, sizeof command, "cp '%s'/* /mnt/", argv[2]);
    if (system(command) != 0) return fail("cp");
    execv(argv[3], argv + 3);
    return fail(argv[3]);
  }
  return 2;
}
