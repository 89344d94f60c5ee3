// HDF5, and what its macros hide from Swift.
#ifndef SKYDIFF_CHDF5_H
#define SKYDIFF_CHDF5_H

// The interface of 1.10, whichever version is installed.
#define H5_USE_110_API 1
#include <hdf5.h>

static inline hid_t skydiff_h5_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t skydiff_h5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t skydiff_h5_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t skydiff_h5_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t skydiff_h5_link_create(void) { return H5P_LINK_CREATE; }

static inline hid_t skydiff_h5_u8(void) { return H5T_STD_U8LE; }
static inline hid_t skydiff_h5_i8(void) { return H5T_STD_I8LE; }
static inline hid_t skydiff_h5_u16(void) { return H5T_STD_U16LE; }
static inline hid_t skydiff_h5_i16(void) { return H5T_STD_I16LE; }
static inline hid_t skydiff_h5_u32(void) { return H5T_STD_U32LE; }
static inline hid_t skydiff_h5_i32(void) { return H5T_STD_I32LE; }
static inline hid_t skydiff_h5_u64(void) { return H5T_STD_U64LE; }
static inline hid_t skydiff_h5_i64(void) { return H5T_STD_I64LE; }
static inline hid_t skydiff_h5_f32(void) { return H5T_IEEE_F32LE; }
static inline hid_t skydiff_h5_f64(void) { return H5T_IEEE_F64LE; }
static inline hid_t skydiff_h5_string(void) { return H5T_C_S1; }

static const unsigned skydiff_h5_read_only = 0x0000u;
static const unsigned skydiff_h5_truncate = 0x0002u;
static const hid_t skydiff_h5_default = 0;
static const hid_t skydiff_h5_all = 0;

// Functions that the library names by a macro.
static inline herr_t skydiff_h5_silence(void) { return H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
static inline hid_t skydiff_h5_group_new(hid_t at, const char *name, hid_t links, hid_t creation) {
  return H5Gcreate2(at, name, links, creation, 0);
}
static inline hid_t skydiff_h5_group_open(hid_t at, const char *name) { return H5Gopen2(at, name, 0); }
static inline hid_t skydiff_h5_dataset_new(hid_t at, const char *name, hid_t type, hid_t space, hid_t links, hid_t creation) {
  return H5Dcreate2(at, name, type, space, links, creation, 0);
}
static inline hid_t skydiff_h5_dataset_open(hid_t at, const char *name) { return H5Dopen2(at, name, 0); }
static inline hid_t skydiff_h5_attribute_new(hid_t at, const char *name, hid_t type, hid_t space) {
  return H5Acreate2(at, name, type, space, 0, 0);
}
static inline herr_t skydiff_h5_link_info(hid_t at, const char *name, H5L_info_t *info) {
  return H5Lget_info(at, name, info, 0);
}
static inline hid_t skydiff_h5_array(hid_t base, unsigned rank, const hsize_t *extent) {
  return H5Tarray_create2(base, rank, extent);
}
static inline int skydiff_h5_array_extent(hid_t type, hsize_t *extent) { return H5Tget_array_dims2(type, extent); }

// The innermost frame of the error stack, which says what is wrong; the outer ones say who called.
static herr_t skydiff_h5_keep_first(unsigned n, const H5E_error2_t *frame, void *text) {
  char *out = (char *)text;
  if (n == 0 && frame->desc) {
    size_t i = 0;
    for (; i < 199 && frame->desc[i]; ++i) out[i] = frame->desc[i];
    out[i] = 0;
  }
  return 0;
}
static inline void skydiff_h5_last_error(char text[200]) {
  text[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, skydiff_h5_keep_first, text);
  H5Eclear2(H5E_DEFAULT);
}

#endif
