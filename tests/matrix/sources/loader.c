// Libraries that come and go at one address, and different ones in parent and child. argv: the two libraries.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void* load_and_look(const char* path, const char* function) {
  void* library = dlopen(path, RTLD_NOW);
  if (!library) return NULL;
  void (*look)(void) = (void (*)(void))dlsym(library, function);
  look();
  return library;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  for (int i = 0; i < 3; ++i) {
    dlclose(load_and_look(argv[1], "look_in_first"));
    dlclose(load_and_look(argv[2], "look_in_other"));
  }
  const pid_t child = fork();
  void* library = child == 0 ? load_and_look(argv[1], "look_in_first") : load_and_look(argv[2], "look_in_other");
  if (child == 0) _exit(library == NULL);
  waitpid(child, NULL, 0);
  return library == NULL;
}
