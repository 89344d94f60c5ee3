// MPI, and what its macros hide from Swift.
#ifndef SKYDIFF_CMPI_H
#define SKYDIFF_CMPI_H

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#define SKYDIFF_MPI_TAG 7

// One thread calls MPI; the others compute.
static inline int skydiff_mpi_init(int *provided) {
  return MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, provided);
}
static inline int skydiff_mpi_funneled(void) { return MPI_THREAD_FUNNELED; }
static inline int skydiff_mpi_success(void) { return MPI_SUCCESS; }
// An error is a status, not the end of the process.
static inline int skydiff_mpi_return_errors(void) {
  return MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
}
static inline int skydiff_mpi_rank(int *rank) { return MPI_Comm_rank(MPI_COMM_WORLD, rank); }
static inline int skydiff_mpi_size(int *size) { return MPI_Comm_size(MPI_COMM_WORLD, size); }
static inline int skydiff_mpi_ranks_on_node(int *count) {
  MPI_Comm node;
  int status = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  if (status != MPI_SUCCESS) return status;
  status = MPI_Comm_size(node, count);
  MPI_Comm_free(&node);
  return status;
}

static inline int skydiff_mpi_send(const void *bytes, int count, int to, MPI_Request *request) {
  return MPI_Isend(bytes, count, MPI_BYTE, to, SKYDIFF_MPI_TAG, MPI_COMM_WORLD, request);
}
static inline int skydiff_mpi_is_sent(MPI_Request *request, int *done) {
  return MPI_Test(request, done, MPI_STATUS_IGNORE);
}
static inline int skydiff_mpi_probe(int *found, int *source, int *count) {
  MPI_Status status;
  int result = MPI_Iprobe(MPI_ANY_SOURCE, SKYDIFF_MPI_TAG, MPI_COMM_WORLD, found, &status);
  if (result == MPI_SUCCESS && *found) {
    *source = status.MPI_SOURCE;
    result = MPI_Get_count(&status, MPI_BYTE, count);
  }
  return result;
}
static inline int skydiff_mpi_receive(void *bytes, int count, int from) {
  return MPI_Recv(bytes, count, MPI_BYTE, from, SKYDIFF_MPI_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}
static inline void skydiff_mpi_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }
static inline void skydiff_mpi_version(char text[MPI_MAX_LIBRARY_VERSION_STRING]) {
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) text[0] = 0;
}
static inline int skydiff_mpi_version_length(void) { return MPI_MAX_LIBRARY_VERSION_STRING; }
static inline int skydiff_mpi_error_length(void) { return MPI_MAX_ERROR_STRING; }

#endif
