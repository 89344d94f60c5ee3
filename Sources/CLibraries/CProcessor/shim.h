// What the processor can do.
#ifndef SKYDIFF_CPROCESSOR_H
#define SKYDIFF_CPROCESSOR_H

// Whether the processor has what x86-64-v3 promises, as far as compilers use it.
static inline int skydiff_processor_is_v3(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
#else
  return 1;
#endif
}

#endif
