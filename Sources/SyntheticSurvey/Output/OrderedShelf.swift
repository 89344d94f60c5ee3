// SPDX-License-Identifier: GPL-3.0-or-later
// Made in any order, published in one.

internal import Foundation
internal import Repository

/// Hands out numbers of products to threads that make them, and lets them publish in the order of the numbers.
///
/// A thread that is ahead of its turn waits with its product, so there are never more of them in memory than threads. The first failure, by
/// number, is the one that counts.
///
/// Unchecked, since a condition guards what the threads share, which no type can say: of the variables below all are touched with it
/// locked, but for the repository, which belongs to the thread whose turn it is.
final class OrderedShelf: @unchecked Sendable {
  private let condition = NSCondition()
  private var repository: InputRepository
  private var taken = 0
  private var published = 0
  private var failure: (any Error)?

  init(_ repository: InputRepository) { self.repository = repository }

  /// The next number; `nil` when all are taken, or something failed.
  func take(below count: Int) -> Int? {
    condition.lock()
    defer { condition.unlock() }
    guard taken < count, failure == nil else { return nil }
    taken += 1
    return taken - 1
  }

  /// Makes a product, waits for its turn and publishes it.
  func put<Product>(
    _ number: Int, make: () throws -> Product, publish: (Product, inout InputRepository) throws -> Void
  ) {
    let product = Result { try make() }
    condition.lock()
    while published < number { condition.wait() }
    let isUsed = failure == nil
    condition.unlock()
    var problem: (any Error)?
    if isUsed {
      do {
        try publish(try product.get(), &repository)
      } catch {
        problem = error
      }
    }
    condition.lock()
    if let problem { failure = problem }
    published = number + 1
    condition.broadcast()
    condition.unlock()
  }

  /// The repository with everything in it.
  ///
  /// - Throws: what making or publishing threw first.
  func finish() throws -> InputRepository {
    condition.lock()
    defer { condition.unlock() }
    if let failure { throw failure }
    return repository
  }
}
