// Names and texts of error numbers.
#include <cstring>

#include "src/decode/decode.h"

namespace sightline::decode {
namespace {

struct KernelError {
  int64_t number;
  std::string_view name;
  std::string_view text;
};

// What never leaves the kernel but is seen by a tracer (include/linux/errno.h). The texts are strace's.
constexpr KernelError kKernelErrors[] = {
    {512, "ERESTARTSYS", "To be restarted if SA_RESTART is set"},
    {513, "ERESTARTNOINTR", "To be restarted"},
    {514, "ERESTARTNOHAND", "To be restarted if no handler"},
    {515, "ENOIOCTLCMD", "Unknown error 515"},
    {516, "ERESTART_RESTARTBLOCK", "Interrupted by signal"},
    {517, "EPROBE_DEFER", "Unknown error 517"},
    {518, "EOPENSTALE", "Unknown error 518"},
    {519, "ENOPARAM", "Unknown error 519"},
    {521, "EBADHANDLE", "Unknown error 521"},
    {522, "ENOTSYNC", "Unknown error 522"},
    {523, "EBADCOOKIE", "Unknown error 523"},
    {524, "ENOTSUPP", "Unknown error 524"},
    {525, "ETOOSMALL", "Unknown error 525"},
    {526, "ESERVERFAULT", "Unknown error 526"},
    {527, "EBADTYPE", "Unknown error 527"},
    {528, "EJUKEBOX", "Unknown error 528"},
    {529, "EIOCBQUEUED", "Unknown error 529"},
    {530, "ERECALLCONFLICT", "Unknown error 530"},
};

const KernelError* kernel_error(int64_t number) {
  for (const KernelError& error : kKernelErrors)
    if (error.number == number) return &error;
  return nullptr;
}

std::string_view view(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

}  // namespace

std::string_view errno_name(int64_t number) {
  if (const KernelError* error = kernel_error(number)) return error->name;
  if (number <= 0 || number > 4095) return {};
  return view(strerrorname_np(static_cast<int>(number)));
}

std::string_view errno_text(int64_t number) {
  if (const KernelError* error = kernel_error(number)) return error->text;
  if (number <= 0 || number > 4095) return {};
  return view(strerrordesc_np(static_cast<int>(number)));
}

}  // namespace sightline::decode
