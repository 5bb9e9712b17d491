! Fortran: calls through its library, from module procedures, contained functions and blocks. See calls.c for the marks.
module store
  implicit none
contains
  subroutine plain(found)
    logical, intent(out) :: found
    inquire(file='/matrix/plain', exist=found) ! EXPECT plain STACK plain
  end subroutine plain

  recursive integer function deep(depth) result(answer)
    integer, intent(in) :: depth
    logical :: found
    if (depth == 0) then
      inquire(file='/matrix/deep', exist=found) ! EXPECT deep STACK deep
      answer = merge(1, 0, found)
    else
      answer = deep(depth - 1) + 1
    end if
  end function deep
end module store

program modules
  use store
  implicit none
  logical :: found
  integer :: status, i
  call plain(found)
  i = deep(20)
  call inside()
  do i = 1, 2
    open(unit=10, file='/matrix/opened', status='old', iostat=status) ! EXPECT opened
  end do
contains
  subroutine inside()
    integer :: error
    open(unit=11, file='/matrix/inside', status='old', iostat=error) ! EXPECT inside STACK inside
  end subroutine inside
end program modules
